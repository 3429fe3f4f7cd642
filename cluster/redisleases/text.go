package redisleases

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"sbc-registrar/cluster"
)

// What the script answers.
const (
	statusFenced = "fenced"
	statusNone   = "none"
)

var errAnswer = errors.New("an answer that the script does not give")

// encode splits a member into what it says of itself and what the registry knows of it.
func encode(m cluster.Member) (said, fact string, err error) {
	since := int64(0)
	if !m.Since.IsZero() {
		since = m.Since.UnixMilli()
	}
	fact = fmt.Sprintf("%d %s", since, digit(m.Draining))
	m.Since, m.Draining = time.Time{}, false
	text, err := json.Marshal(m)
	return string(text), fact, err
}

func digit(b bool) string {
	if b {
		return "1"
	}
	return "0"
}

// An answer is a reply of the script.
type answer struct {
	status string
	view   cluster.View
}

// decode reads one. The list of a beat whose caller knows the revision is empty.
func decode(reply []any) (a answer, err error) {
	if len(reply) > 0 {
		a.status, _ = reply[0].(string)
	}
	if a.status == statusFenced || a.status == statusNone {
		return a, nil
	}
	const parts = 4
	if len(reply) != parts {
		return answer{}, errAnswer
	}
	revision, _ := reply[1].(string)
	if a.view.Revision, err = strconv.ParseInt(revision, 10, 64); err != nil {
		return answer{}, fmt.Errorf("%w: %w", errAnswer, err)
	}
	if a.view.Silent, err = words(reply[2]); err != nil {
		return answer{}, err
	}
	slices.Sort(a.view.Silent)
	list, err := words(reply[3])
	if err != nil {
		return answer{}, err
	}
	for member := range slices.Chunk(list, 3) {
		m, err := decodeMember(member)
		if err != nil {
			return answer{}, err
		}
		a.view.Members = append(a.view.Members, m)
	}
	slices.SortFunc(a.view.Members, func(a, b cluster.Member) int { return cmp.Compare(a.ID, b.ID) })
	return a, nil
}

// decodeMember reads id, said and fact.
func decodeMember(text []string) (m cluster.Member, err error) {
	if len(text) != 3 {
		return m, errAnswer
	}
	if err := json.Unmarshal([]byte(text[1]), &m); err != nil {
		return m, fmt.Errorf("member %s: %w", text[0], err)
	}
	var since int64
	var draining int
	if _, err := fmt.Sscanf(text[2], "%d %d", &since, &draining); err != nil {
		return m, fmt.Errorf("member %s: %w", text[0], err)
	}
	m.ID, m.Since, m.Draining = text[0], time.UnixMilli(since), draining == 1
	return m, nil
}

func words(list any) (out []string, err error) {
	items, ok := list.([]any)
	for _, item := range items {
		word, isText := item.(string)
		ok = ok && isText
		out = append(out, word)
	}
	if !ok {
		return nil, errAnswer
	}
	return out, nil
}

package etcdleases

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"sbc-registrar/cluster"
)

const (
	revisionKey = "revision"
	membersKey  = "members/"
	aliveKey    = "alive/"
	goneKey     = "gone/"
)

// A state is all that etcd knows of the cluster at one moment.
type state struct {
	revision int64
	changed  int64 // etcd's own number of the last change of revision; 0 = there is none
	members  map[string]cluster.Member
	alive    map[string]clientv3.LeaseID
	gone     map[string]bool
}

// A record is what is stored of a member.
type record struct {
	Said     cluster.Member `json:"said"`
	Since    int64          `json:"since"` // milliseconds since 1970, by the clock of who entered it
	Draining bool           `json:"draining,omitempty"`
}

func (r *Registry) read(ctx context.Context) (*state, error) {
	found, err := r.client.Get(ctx, r.root, clientv3.WithPrefix())
	if err != nil {
		return nil, err
	}
	s := &state{members: map[string]cluster.Member{}, alive: map[string]clientv3.LeaseID{}, gone: map[string]bool{}}
	for _, kv := range found.Kvs {
		name := strings.TrimPrefix(string(kv.Key), r.root)
		if name == revisionKey {
			s.changed = kv.ModRevision
			if s.revision, err = strconv.ParseInt(string(kv.Value), 10, 64); err != nil {
				return nil, fmt.Errorf("read %s: %w", kv.Key, err)
			}
		} else if id, ok := strings.CutPrefix(name, membersKey); ok {
			if s.members[id], err = decode(id, kv.Value); err != nil {
				return nil, fmt.Errorf("read %s: %w", kv.Key, err)
			}
		} else if id, ok := strings.CutPrefix(name, aliveKey); ok {
			s.alive[id] = clientv3.LeaseID(kv.Lease)
		} else if id, ok := strings.CutPrefix(name, goneKey); ok {
			s.gone[id] = true
		}
	}
	return s, nil
}

func encode(m cluster.Member) (string, error) {
	text := record{Said: said(m), Since: m.Since.UnixMilli(), Draining: m.Draining}
	out, err := json.Marshal(text)
	return string(out), err
}

func decode(id string, text []byte) (cluster.Member, error) {
	var stored record
	if err := json.Unmarshal(text, &stored); err != nil {
		return cluster.Member{}, err
	}
	m := stored.Said
	m.ID, m.Since, m.Draining = id, time.UnixMilli(stored.Since), stored.Draining
	return m, nil
}

// said is what a member says of itself.
func said(m cluster.Member) cluster.Member {
	m.Since, m.Draining = time.Time{}, false
	return m
}

// silent are the members whose lease of etcd has run out, in the order of their ids.
func (s *state) silent() (ids []string) {
	for _, id := range slices.Sorted(maps.Keys(s.members)) {
		if _, alive := s.alive[id]; !alive {
			ids = append(ids, id)
		}
	}
	return ids
}

func (s *state) view() cluster.View {
	v := cluster.View{Revision: s.revision, Silent: s.silent()}
	for _, id := range slices.Sorted(maps.Keys(s.members)) {
		v.Members = append(v.Members, s.members[id])
	}
	return v
}

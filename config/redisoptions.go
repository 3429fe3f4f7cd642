package config

import (
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

const optionsPath = "redis.options"

// ownOptions are fields of go-redis that are not free: what to set instead.
var ownOptions = map[string]string{
	"Addrs":                 "redis.host and redis.port, redis.sentinels or redis.cluster",
	"DB":                    "redis.db",
	"Username":              "redis.username",
	"Password":              "redis.password",
	"SentinelUsername":      "redis.sentinelUsername",
	"SentinelPassword":      "redis.sentinelPassword",
	"MasterName":            "redis.sentinelMaster",
	"IsClusterMode":         "redis.cluster",
	"ContextTimeoutEnabled": "nothing: it is always on, or redis.timeout would not hold",
}

// plainTypes are the types of the fields that text can set.
var plainTypes = []reflect.Type{
	reflect.TypeFor[string](), reflect.TypeFor[int](), reflect.TypeFor[bool](), reflect.TypeFor[time.Duration](),
}

// readRedisOptions gives every option its name in go-redis, whatever its case here, and the type of that field.
func readRedisOptions(raw map[string]any) (map[string]any, []Problem) {
	var problems []Problem
	options := map[string]any{}
	for _, written := range slices.Sorted(maps.Keys(raw)) {
		path := optionsPath + "." + written
		name := redisOption(written)
		if own, taken := ownOptions[fold(written, slices.Collect(maps.Keys(ownOptions)))]; taken {
			problems = append(problems, Problem{Key: path, Problem: "is no free option", Want: own})
			continue
		}
		if name == "" {
			problems = append(problems, Problem{Key: path, Problem: "is no option of go-redis that text can set", Want: optionHint(written)})
			continue
		}
		field, _ := reflect.TypeFor[redis.UniversalOptions]().FieldByName(name)
		key := Key{Path: optionsPath + "." + name, Type: typeName(field.Type), typ: field.Type}
		if special, ok := specialDuration(field.Type, raw[written]); ok {
			options[name] = special
			continue
		}
		value, err := convert(key, raw[written])
		if err != nil {
			problems = append(problems, Problem{Key: key.Path, Problem: err.Error(), Want: wantOf(key)})
			continue
		}
		options[name] = value.Interface()
	}
	return options, problems
}

// specialDuration reads -1 and -2, which are no durations but mean "never" and the like to go-redis.
func specialDuration(typ reflect.Type, raw any) (time.Duration, bool) {
	number, err := toInt(raw)
	special := typ == reflect.TypeFor[time.Duration]() && err == nil && (number == -1 || number == -2)
	return time.Duration(number), special
}

func optionHint(written string) string {
	if name := nearest(written, redisOptionNames()); name != "" {
		return didYouMean(optionsPath + "." + name)
	}
	return "a field of UniversalOptions, such as PoolSize"
}

// redisOption finds the field that a name in any case means; "" when text cannot set it.
func redisOption(written string) string { return fold(written, redisOptionNames()) }

func fold(written string, names []string) string {
	i := slices.IndexFunc(names, func(name string) bool { return strings.EqualFold(name, written) })
	if i < 0 {
		return ""
	}
	return names[i]
}

// redisOptionNames are the fields that text can set and that have no key of their own.
func redisOptionNames() []string {
	var names []string
	for _, field := range reflect.VisibleFields(reflect.TypeFor[redis.UniversalOptions]()) {
		if _, taken := ownOptions[field.Name]; !taken && slices.Contains(plainTypes, field.Type) {
			names = append(names, field.Name)
		}
	}
	return names
}

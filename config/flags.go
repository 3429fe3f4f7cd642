package config

import (
	"reflect"

	"github.com/spf13/pflag"
)

// setFlag names the flag that sets any key.
const setFlag = "set"

// AddFlags adds the flags that Load reads: one for each of the few keys that are often changed by hand, and --set for
// any key.
func AddFlags(flags *pflag.FlagSet) {
	for _, key := range Keys() {
		if key.Flag != "" {
			flags.String(key.Flag, key.Default, key.Meaning())
			if key.typ.Kind() == reflect.Bool {
				flags.Lookup(key.Flag).NoOptDefVal = "true"
			}
		}
	}
	flags.StringArray(setFlag, nil, "Set any `key=value`, for example redis.port=6380; repeatable.")
}

package specs_test

import (
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	. "sbc-registrar/specs/support"
)

var _ = Describe("The configuration", func() {
	// seed is the layout that the first generation of deployments has.
	const seed = `{
		"drachtio": {"port": 3001, "secret": "link-s3cret"},
		"redis": {"port": 6379, "host": "127.0.0.1"},
		"logging": {"level": "info"},
		"authCallback": {"uri": "https://example.com/auth", "auth": {"username": "foo", "password": "bar-s3cret"}}
	}`

	config := func(env []string, args ...string) *Program {
		GinkgoHelper()
		return Finish(env, append([]string{"config"}, args...)...)
	}

	DescribeTable("is read from",
		func(name, text string) {
			program := config(nil, "check", "--config", File(name, text))
			Expect(program.ExitCode()).To(BeZero(), program.Output())
		},
		Entry("the JSON of the first generation", "seed.json", seed),
		Entry("YAML", "seed.yaml", "drachtio: {port: 3001, secret: link-s3cret}\nauthCallback:\n  uri: https://example.com/auth\n"),
		Entry("TOML", "seed.toml", "[drachtio]\nport = 3001\n[authCallback]\nuri = \"https://example.com/auth\"\n"),
	)

	It("is reported with all its problems at once, each by its key, and exit code 2", func() {
		broken := File("broken.json", `{
			"drachtio": {"port": "many", "hosts": "127.0.0.1"},
			"redis": {"schema": "jambon"},
			"registration": {"deadline": "1m"},
			"authCallback": {"uri": "ftp://example.com", "auth": {"username": "foo", "password": ["bar-s3cret"]}}
		}`)
		for _, args := range [][]string{{"config", "check"}, {"serve"}} {
			program := Finish(nil, append(args, "--config", broken)...)
			Expect(program.ExitCode()).To(Equal(2))
			Expect(program.Output()).To(And(
				ContainSubstring("drachtio.port"), ContainSubstring("drachtio.hosts"), ContainSubstring("redis.schema"),
				ContainSubstring("registration.deadline"), ContainSubstring("authCallback.uri"), ContainSubstring("authCallback.auth.password")))
		}
	})

	DescribeTable("is refused with exit code 2 for",
		func(text string, keys ...string) {
			program := Finish(nil, "serve", "--config", File("broken.json", text))
			Expect(program.ExitCode()).To(Equal(2))
			for _, key := range keys {
				Expect(program.Output()).To(ContainSubstring(key))
			}
		},
		Entry("no callback", `{}`, "authCallback.uri"),
		Entry("two ways to name servers", `{"authCallback":{"uri":"http://x"},"drachtio":{"host":"a","servers":["b:1"]}}`,
			"drachtio.host", "drachtio.servers"),
		Entry("listening to the world", `{"authCallback":{"uri":"http://x"},"drachtio":{"bind":"0.0.0.0"}}`, "drachtio.bind", "drachtio.allow"),
		Entry("both schemas on a cluster", `{"authCallback":{"uri":"http://x"},"redis":{"schema":"both","cluster":["a:1"]}}`,
			"redis.schema", "redis.cluster"),
		Entry("a key of nonces that is too short", `{"authCallback":{"uri":"http://x"},"auth":{"nonceSecret":"s3cret"}}`, "auth.nonceSecret"),
		Entry("an algorithm that nobody has", `{"authCallback":{"uri":"http://x"},"auth":{"algorithms":["CRC32"]}}`, "auth.algorithms"),
		Entry("a file that is no JSON", `{"drachtio":`, "broken.json"),
	)

	It("is refused with exit code 2 when the file is not there", func() {
		program := Finish(nil, "serve", "--config", "/nowhere/registrar.json")
		Expect(program.ExitCode()).To(Equal(2))
		Expect(program.Output()).To(ContainSubstring("/nowhere/registrar.json"))
	})

	It("is printed as it is in force, with the secrets masked", func() {
		program := config([]string{"JAMBONES_REDIS_HOST=redis.example", "SBC_REGISTRAR_REDIS_OPTIONS=PoolSize=20"},
			"print", "--config", File("seed.json", seed))
		Expect(program.ExitCode()).To(BeZero(), program.Output())
		Expect(program.Output()).To(And(
			ContainSubstring("https://example.com/auth"), ContainSubstring("redis.example"), ContainSubstring("***"), ContainSubstring("3001")))
	})

	It("prefers flags to the environment, and the environment to the file", func() {
		file := File("registrar.json", `{"authCallback":{"uri":"http://x"},"logging":{"level":"warn"},"redis":{"prefix":"file:"}}`)
		program := config([]string{"SBC_REGISTRAR_LOGGING_LEVEL=error", "SBC_REGISTRAR_REDIS_PREFIX=env:"},
			"print", "--config", file, "--log-level", "debug")
		Expect(program.ExitCode()).To(BeZero(), program.Output())
		Expect(program.Output()).To(And(ContainSubstring("debug"), ContainSubstring("env:"), Not(ContainSubstring("file:"))))
	})

	It("has defaults that can be used as a file", func() {
		program := config(nil, "defaults")
		Expect(program.ExitCode()).To(BeZero())
		Expect(program.Output()).To(And(ContainSubstring("drachtio"), ContainSubstring("minExpires"), ContainSubstring("schema")))
	})
})

package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"
)

// startNodes starts registrars that share the control ports evenly: one, or several that act as one.
func (p *benchParts) startNodes(ports []string) (ready func() error, err error) {
	nodes := p.flags.nodes
	if nodes == 1 {
		return p.startRegistrar("registrar", ports, "")
	}
	var all []func() error
	for i := range nodes {
		var own []string
		for k := i; k < len(ports); k += nodes {
			own = append(own, ports[k])
		}
		ready, err := p.startRegistrar(fmt.Sprintf("registrar-%d", i+1), own, "")
		if err != nil {
			return nil, err
		}
		all = append(all, ready)
	}
	return func() error {
		for _, ready := range all {
			if err := ready(); err != nil {
				return err
			}
		}
		return nil
	}, nil
}

// startRegistrar starts serve with a configuration of its own. It connects to the control ports, or listens on the address.
func (p *benchParts) startRegistrar(name string, ports []string, listen string) (ready func() error, err error) {
	health, err := freeAddress()
	if err != nil {
		return nil, err
	}
	file, err := p.configuration(name, ports, listen, health)
	if err != nil {
		return nil, err
	}
	if p.health == "" {
		p.health = health
	}
	arguments := []string{"serve", "--config", file}
	for _, setting := range p.flags.set {
		arguments = append(arguments, "--set", setting)
	}
	var out io.Writer // nil = thrown away by the system, which costs us nothing
	if p.flags.log != "" && p.log == nil {
		if p.log, err = os.Create(p.flags.log); err != nil {
			return nil, err
		}
	}
	if p.log != nil {
		out = p.log
	}
	began := time.Now()
	c, err := p.start(name, out, p.program, arguments...)
	if err != nil {
		return nil, err
	}
	return func() error {
		err := c.await(func() error { return get("http://"+health+"/readyz", nil) })
		p.ready = time.Since(began)
		return err
	}, nil
}

// configuration writes the configuration of the registrar. All that is not named is as in production.
func (p *benchParts) configuration(name string, ports []string, listen, health string) (string, error) {
	redisHost, redisPort, err := splitAddress(p.redis)
	if err != nil {
		return "", fmt.Errorf("--redis: %w", err)
	}
	drachtio := map[string]any{"secret": p.flags.secret}
	if listen != "" {
		host, port, err := splitAddress(listen)
		if err != nil {
			return "", err
		}
		drachtio["bind"], drachtio["port"] = host, port
	} else {
		drachtio["servers"] = ports
	}
	cluster := map[string]any{}
	if p.flags.nodes > 1 {
		bind, err := freeAddress()
		if err != nil {
			return "", err
		}
		cluster = map[string]any{"enabled": true, "node": name, "bind": bind}
	}
	text, err := json.Marshal(map[string]any{
		"cluster":      cluster,
		"drachtio":     drachtio,
		"redis":        map[string]any{"host": redisHost, "port": redisPort},
		"authCallback": map[string]any{"uri": p.callback},
		"http":         map[string]any{"address": health, "profiling": p.flags.profile != ""},
		"logging":      map[string]any{"format": "json"},
	})
	if err != nil {
		return "", err
	}
	file := filepath.Join(p.folder, name+".json")
	return file, os.WriteFile(file, text, 0o600)
}

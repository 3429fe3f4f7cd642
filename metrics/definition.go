package metrics

import (
	"fmt"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
)

// A Definition says what one metric is.
type Definition struct {
	Name   string
	Type   string // counter, gauge or histogram
	Labels []string
	Help   string
}

// prefix begins the names of all metrics of ours.
const prefix = "sbc_registrar_"

// definitions makes metrics and remembers what they are.
type definitions struct {
	registry *prometheus.Registry
	list     []Definition
}

func (d *definitions) define(name, kind, help string, labels []string) Definition {
	def := Definition{Name: prefix + name, Type: kind, Labels: labels, Help: help}
	d.list = append(d.list, def)
	return def
}

func (d *definitions) counters(name, help string, labels ...string) *prometheus.CounterVec {
	def := d.define(name, "counter", help, labels)
	vec := prometheus.NewCounterVec(prometheus.CounterOpts{Name: def.Name, Help: help}, labels)
	d.registry.MustRegister(vec)
	return vec
}

func (d *definitions) histograms(name, help string, buckets []float64, labels ...string) *prometheus.HistogramVec {
	def := d.define(name, "histogram", help, labels)
	vec := prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: def.Name, Help: help, Buckets: buckets}, labels)
	d.registry.MustRegister(vec)
	return vec
}

func (d *definitions) gauges(name, help string, labels ...string) *prometheus.GaugeVec {
	def := d.define(name, "gauge", help, labels)
	vec := prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: def.Name, Help: help}, labels)
	d.registry.MustRegister(vec)
	return vec
}

// read describes a metric whose value is read when somebody scrapes.
func (d *definitions) read(name, kind, help string, labels ...string) reading {
	def := d.define(name, kind, help, labels)
	as := prometheus.GaugeValue
	if kind == "counter" {
		as = prometheus.CounterValue
	}
	return reading{desc: prometheus.NewDesc(def.Name, help, labels, nil), as: as}
}

// A reading is one metric of a collector.
type reading struct {
	desc *prometheus.Desc
	as   prometheus.ValueType
}

func (r reading) send(to chan<- prometheus.Metric, value float64, labels ...string) {
	to <- prometheus.MustNewConstMetric(r.desc, r.as, value, clean(labels...)...)
}

// clean makes texts fit to be labels: what is no UTF-8 would be a panic of the library.
func clean(labels ...string) []string {
	cleaned := make([]string, len(labels))
	for i, label := range labels {
		cleaned[i] = strings.ToValidUTF8(label, "\uFFFD")
	}
	return cleaned
}

// MarkdownTable is the table of all metrics, for docs/metrics.md.
func (p *Prometheus) MarkdownTable() string {
	var out strings.Builder
	out.WriteString("| metric | type | labels | meaning |\n|---|---|---|---|\n")
	for _, def := range p.Definitions() {
		labels := ""
		if len(def.Labels) > 0 {
			labels = "`" + strings.Join(def.Labels, "` `") + "`"
		}
		fmt.Fprintf(&out, "| `%s` | %s | %s | %s |\n", def.Name, def.Type, labels, strings.ReplaceAll(def.Help, "|", `\|`))
	}
	return out.String()
}

package support

import (
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
)

// Metrics are what a registrar showed at one scrape, to be asked by Sum and Has. A name is written without its prefix, as in
// answers_total, without the prefix sbc_registrar_. A histogram is there as its _count, its _sum, and its _bucket with the label le.
type Metrics map[string]float64

// Metrics scrapes the registrar.
func (r *Registrar) Metrics() Metrics {
	GinkgoHelper()
	text, err := r.scrape()
	Expect(err).NotTo(HaveOccurred(), "scrape the registrar")
	metrics, err := readMetrics(text)
	Expect(err).NotTo(HaveOccurred(), "read the metrics")
	return metrics
}

// Sum adds up all series of a metric that have these labels, each as name="value". It is 0 when there are none.
func (m Metrics) Sum(name string, labels ...string) float64 {
	sum := 0.0
	for series, value := range m {
		found, rest, _ := strings.Cut(series, "{")
		have := strings.Split(strings.TrimSuffix(rest, "}"), "\x00")
		if found == name && !slices.ContainsFunc(labels, func(label string) bool { return !slices.Contains(have, label) }) {
			sum += value
		}
	}
	return sum
}

// Since is what has been counted since an earlier scrape.
func (m Metrics) Since(earlier Metrics) Metrics {
	counted := Metrics{}
	for series, value := range m {
		counted[series] = value - earlier[series]
	}
	return counted
}

// Has tells whether there is a series of a metric with these labels, whatever its value.
func (m Metrics) Has(name string, labels ...string) bool {
	only := Metrics{}
	for series := range maps.Keys(m) {
		only[series] = 1
	}
	return only.Sum(name, labels...) > 0
}

func (r *Registrar) scrape() (string, error) {
	client := http.Client{Timeout: 2 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	response, err := client.Get(r.health + "/metrics")
	if err != nil {
		return "", err
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode != http.StatusOK {
		err = fmt.Errorf("/metrics answers %s", response.Status)
	}
	return string(text), err
}

func readMetrics(text string) (Metrics, error) {
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(strings.NewReader(text))
	if err != nil {
		return nil, err
	}
	metrics := Metrics{}
	for name, family := range families {
		name = strings.TrimPrefix(name, "sbc_registrar_")
		for _, series := range family.GetMetric() {
			var labels []string
			for _, label := range series.GetLabel() {
				labels = append(labels, fmt.Sprintf("%s=%q", label.GetName(), label.GetValue()))
			}
			switch family.GetType() {
			case dto.MetricType_HISTOGRAM:
				metrics.put(name+"_count", labels, float64(series.GetHistogram().GetSampleCount()))
				metrics.put(name+"_sum", labels, series.GetHistogram().GetSampleSum())
				for _, bucket := range series.GetHistogram().GetBucket() {
					metrics.put(name+"_bucket", append(slices.Clip(labels), fmt.Sprintf("le=\"%g\"", bucket.GetUpperBound())), float64(bucket.GetCumulativeCount()))
				}
			case dto.MetricType_COUNTER:
				metrics.put(name, labels, series.GetCounter().GetValue())
			case dto.MetricType_GAUGE:
				metrics.put(name, labels, series.GetGauge().GetValue())
			}
		}
	}
	return metrics, nil
}

func (m Metrics) put(name string, labels []string, value float64) {
	m[name+"{"+strings.Join(labels, "\x00")+"}"] = value
}

// expectInvariants is what must hold of every registrar at the end of every spec: it has seen nothing that must not be, and shows
// no secret. One that has ended, hangs, or is set up to have no metrics cannot be asked.
func (r *Registrar) expectInvariants() {
	GinkgoHelper()
	if r.ExitCode() != -1 || r.Health("/metrics") == http.StatusNotFound {
		return
	}
	text, err := r.scrape()
	if err != nil && (r.ExitCode() != -1 || r.Health("/healthz") == 0) {
		return
	}
	Expect(err).NotTo(HaveOccurred(), "scrape the registrar")
	Expect(text).NotTo(ContainSubstring(Secret), "no secret is shown")
	metrics, err := readMetrics(text)
	Expect(err).NotTo(HaveOccurred(), "read the metrics")
	Expect(metrics.Has("invariant_violations_total")).To(BeTrue(), "the registrar counts what must not happen")
	Expect(metrics.violations()).To(BeEmpty(), "nothing has happened that must not")
}

func (m Metrics) violations() []string {
	var violated []string
	for series, count := range m {
		if strings.HasPrefix(series, "invariant_violations_total{") && count != 0 {
			violated = append(violated, series)
		}
	}
	return violated
}

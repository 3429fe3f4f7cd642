package metrics

import (
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

const (
	scrapeTime = 4 * time.Second // for one scrape; it takes milliseconds
	scrapers   = 8               // at once
)

// Handler serves the metrics in the format that is asked for: that of Prometheus or OpenMetrics. failed hears of metrics that
// could not be read; what can be is served all the same.
func (p *Prometheus) Handler(failed func(error)) http.Handler {
	return promhttp.HandlerFor(p.registry, promhttp.HandlerOpts{
		ErrorLog:            errorLog(failed),
		ErrorHandling:       promhttp.ContinueOnError,
		EnableOpenMetrics:   true,
		MaxRequestsInFlight: scrapers,
		Timeout:             scrapeTime,
	})
}

// errorLog takes what promhttp would print.
type errorLog func(error)

// Println implements promhttp.Logger.
func (log errorLog) Println(v ...any) {
	for _, value := range v {
		if err, ok := value.(error); ok {
			log(oneLine(err))
		}
	}
}

func oneLine(err error) error {
	var several prometheus.MultiError
	if !errors.As(err, &several) {
		return err
	}
	var texts []string
	for _, single := range several {
		texts = append(texts, single.Error())
	}
	return errors.New(strings.Join(texts, "; "))
}

// Package deploy has no code: its tests keep the dashboard and the alert rules true to the metrics that there are.
package deploy

import (
	"encoding/json"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/VictoriaMetrics/metricsql"
	"go.yaml.in/yaml/v3"

	"sbc-registrar/metrics"
)

func TestTheDashboardAsksForWhatThereIs(t *testing.T) {
	var dashboard struct {
		Title      string
		UID        string
		Templating struct{ List []struct{ Name, Type string } }
		Panels     []struct {
			ID          int
			Type, Title string
			Datasource  struct{ UID string }
			GridPos     struct{ X, Y, W, H int }
			Targets     []struct {
				Expr, RefID string
				Datasource  struct{ UID string }
			}
		}
	}
	read(t, "grafana/dashboard.json", json.Unmarshal, &dashboard)
	if dashboard.Title == "" || dashboard.UID == "" || len(dashboard.Templating.List) == 0 || dashboard.Templating.List[0].Type != "datasource" {
		t.Fatal("the dashboard has no title, no uid, or no variable for the data source")
	}
	rows, ids := 0, map[int]bool{}
	for _, panel := range dashboard.Panels {
		if ids[panel.ID] {
			t.Errorf("two panels have the id %d", panel.ID)
		}
		ids[panel.ID] = true
		if panel.Type == "row" {
			rows++
			continue
		}
		if len(panel.Targets) == 0 || panel.GridPos.X+panel.GridPos.W > 24 {
			t.Errorf("%s asks for nothing, or is off the page", panel.Title)
		}
		for _, target := range panel.Targets {
			if panel.Datasource.UID != "${datasource}" || target.Datasource.UID != "${datasource}" {
				t.Errorf("%s has a data source of its own", panel.Title)
			}
			check(t, panel.Title, target.Expr)
			if !strings.Contains(target.Expr, `{job=~"$job",instance=~"$instance"`) {
				t.Errorf("%s does not look at the chosen instances only: %s", panel.Title, target.Expr)
			}
		}
	}
	if rows < 7 {
		t.Errorf("%d rows", rows)
	}
}

func TestAlertsAskForWhatThereIsAndSayWhatToDo(t *testing.T) {
	var rules struct {
		Groups []struct {
			Rules []struct {
				Alert, Expr         string
				Labels, Annotations map[string]string
			}
		}
	}
	read(t, "prometheus/alerts.yml", yaml.Unmarshal, &rules)
	chapters := chaptersOf(t, "../docs/operations.md")
	seen := map[string]bool{}
	for _, rule := range rules.Groups[0].Rules {
		if seen[rule.Alert] || !strings.HasPrefix(rule.Alert, "SbcRegistrar") {
			t.Errorf("%q is the name of two alerts, or of none of ours", rule.Alert)
		}
		seen[rule.Alert] = true
		check(t, rule.Alert, rule.Expr)
		if !slices.Contains([]string{"page", "ticket"}, rule.Labels["severity"]) {
			t.Errorf("%s: severity %q", rule.Alert, rule.Labels["severity"])
		}
		chapter, found := strings.CutPrefix(rule.Annotations["runbook"], "docs/operations.md#")
		if rule.Annotations["summary"] == "" || rule.Annotations["description"] == "" || !found || !slices.Contains(chapters, chapter) {
			t.Errorf("%s: %v leads to none of %v", rule.Alert, rule.Annotations, chapters)
		}
	}
	if len(seen) < 15 {
		t.Errorf("%d alerts", len(seen))
	}
}

// The check has to see what it is for.
func TestAWrongExpressionIsFound(t *testing.T) {
	for expr, want := range map[string]string{
		`sbc_registrar_answers`:                                                                                           "no metric",
		`rate(sbc_registrar_answers_total{realm="a"}[5m])`:                                                                "no label realm",
		`sum by (deeds) (sbc_registrar_answers_total)`:                                                                    "no label deeds",
		`sum by (deed (sbc_registrar_answers_total)`:                                                                      "unexpected token",
		`histogram_quantile(0.9, sbc_registrar_answer_duration_seconds_count{le="1"})`:                                    "no label le",
		`sbc_registrar_links_up / on (realm) sbc_registrar_links_wanted`:                                                  "no label realm",
		`sum by (deed, le) (rate(sbc_registrar_answer_duration_seconds_bucket{instance=~"$instance"}[$__rate_interval]))`: "",
	} {
		problems := strings.Join(problemsOf(expr), "; ")
		if (want == "") != (problems == "") || !strings.Contains(problems, want) {
			t.Errorf("%s: %q, want %q", expr, problems, want)
		}
	}
}

func check(t *testing.T, where, expr string) {
	t.Helper()
	for _, problem := range problemsOf(expr) {
		t.Errorf("%s: %s in %s", where, problem, expr)
	}
}

var grafanaVariable = regexp.MustCompile(`\$(\w+)`)

// problemsOf are the metrics and labels in an expression that the registrar does not have.
func problemsOf(expr string) []string {
	tree, err := metricsql.Parse(grafanaVariable.ReplaceAllStringFunc(expr, func(name string) string {
		if name == "$__rate_interval" {
			return "5m"
		}
		return "x"
	}))
	if err != nil {
		return []string{err.Error()}
	}
	var problems []string
	labels := []string{"job", "instance"}
	metricsql.VisitAll(tree, func(e metricsql.Expr) {
		metric, ok := e.(*metricsql.MetricExpr)
		if !ok {
			return
		}
		for _, filters := range metric.LabelFilterss {
			own, known := known()[filters[0].Value]
			if filters[0].Label != "__name__" || !known {
				problems = append(problems, "no metric "+filters[0].Value)
				continue
			}
			labels = append(labels, own...)
			for _, filter := range filters[1:] {
				if !slices.Contains(append([]string{"job", "instance"}, own...), filter.Label) {
					problems = append(problems, "no label "+filter.Label)
				}
			}
		}
	})
	metricsql.VisitAll(tree, func(e metricsql.Expr) {
		var grouped []string
		switch e := e.(type) {
		case *metricsql.AggrFuncExpr:
			grouped = e.Modifier.Args
		case *metricsql.BinaryOpExpr:
			grouped = slices.Concat(e.GroupModifier.Args, e.JoinModifier.Args)
		}
		for _, label := range grouped {
			if !slices.Contains(labels, label) {
				problems = append(problems, "no label "+label)
			}
		}
	})
	return problems
}

// known are all series that a registrar shows, with their labels.
func known() map[string][]string {
	p := metrics.NewPrometheus(metrics.Options{})
	known := map[string][]string{"up": nil}
	for _, d := range p.Definitions() {
		if d.Type != "histogram" {
			known[d.Name] = d.Labels
			continue
		}
		known[d.Name+"_count"], known[d.Name+"_sum"] = d.Labels, d.Labels
		known[d.Name+"_bucket"] = append([]string{"le"}, d.Labels...)
	}
	families, _ := p.Gatherer().Gather()
	for _, family := range families {
		if name := family.GetName(); !strings.HasPrefix(name, "sbc_registrar_") {
			known[name] = nil
		}
	}
	return known
}

// chaptersOf are the anchors of a document's headings, as GitHub makes them.
func chaptersOf(t *testing.T, file string) []string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var anchors []string
	for _, heading := range regexp.MustCompile(`(?m)^#+ (.+)$`).FindAllStringSubmatch(string(text), -1) {
		anchor := regexp.MustCompile(`[^\w\- ]`).ReplaceAllString(strings.ToLower(heading[1]), "")
		anchors = append(anchors, strings.ReplaceAll(anchor, " ", "-"))
	}
	return anchors
}

func read(t *testing.T, file string, unmarshal func([]byte, any) error, into any) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := unmarshal(text, into); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
}

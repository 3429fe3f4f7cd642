package main

import (
	"encoding/json"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"sbc-registrar/redisstore"
	"sbc-registrar/registration"
)

func newRegistrationsCommand() *cobra.Command {
	group := &cobra.Command{
		Use:   "registrations",
		Short: "Look at the active registrations in Redis",
		Long: `Look at the active registrations in Redis. Only the redis section of the settings is used; nothing is changed, and
the registrar does not have to run.`,
		Args: cobra.NoArgs,
	}
	var asJSON bool
	group.PersistentFlags().BoolVar(&asJSON, "json", false, "one JSON object per binding and line")
	list := &cobra.Command{
		Use:     "list",
		Short:   "List all bindings of all addresses of record",
		Long:    "List all bindings. Redis is scanned in small steps, so that a large store is not disturbed; the order is Redis's own.",
		Example: "  sbc-registrar registrations list --config /etc/sbc-registrar.json\n  sbc-registrar registrations list --json | jq -r .aor | sort | uniq -c",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return withStore(cmd, func(store *redisstore.Store, now time.Time) error {
				p := newPrinter(cmd.OutOrStdout(), asJSON, now)
				if err := store.List(cmd.Context(), now, p.print); err != nil {
					return fmt.Errorf("list registrations: %w", err)
				}
				return p.close()
			})
		},
	}
	show := &cobra.Command{
		Use:     "show AOR",
		Short:   "Show the bindings of one address of record",
		Long:    "Show the bindings of one address of record, written user@host or as a SIP URI. It exits 1 when there are none.",
		Example: "  sbc-registrar registrations show daveh@example.com",
		Args:    exactly(1, "the address of record, such as daveh@example.com"),
		RunE: func(cmd *cobra.Command, args []string) error {
			aor, err := registration.ParseAOR(args[0])
			if err != nil {
				return usageError(fmt.Errorf("%q: %w", args[0], err))
			}
			return withStore(cmd, func(store *redisstore.Store, now time.Time) error {
				state, err := store.Load(cmd.Context(), aor, now)
				if err != nil {
					return fmt.Errorf("show registrations: %w", err)
				}
				if len(state.Bindings) == 0 {
					return fmt.Errorf("%s is not registered", aor)
				}
				p := newPrinter(cmd.OutOrStdout(), asJSON, now)
				if err := p.print(aor, state); err != nil {
					return err
				}
				return p.close()
			})
		},
	}
	group.AddCommand(list, show)
	return group
}

// withStore opens the store of the settings for the time of one command.
func withStore(cmd *cobra.Command, use func(*redisstore.Store, time.Time) error) error {
	settings, err := loadSettings(cmd)
	if err != nil {
		return err
	}
	newLog(settings.Logging, cmd.ErrOrStderr())
	store, err := openStore(settings.Redis)
	if err != nil {
		return err
	}
	defer func() { _ = store.Close() }()
	return use(store, time.Now())
}

// A printer writes bindings as a table or as JSON lines.
type printer struct {
	now   time.Time
	table *tabwriter.Writer
	json  *json.Encoder
}

func newPrinter(out io.Writer, asJSON bool, now time.Time) *printer {
	if asJSON {
		encoder := json.NewEncoder(neutralJSON{out})
		encoder.SetEscapeHTML(false)
		return &printer{now: now, json: encoder}
	}
	p := &printer{now: now, table: tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)}
	_, _ = fmt.Fprintln(p.table, "AOR\tCONTACT\tPROTOCOL\tSOURCE\tEXPIRES IN\tUSER AGENT")
	return p
}

// A row is one binding as it is printed.
type row struct {
	AOR        string    `json:"aor"`
	Contact    string    `json:"contact"`
	Protocol   string    `json:"protocol"`
	Source     string    `json:"source"`
	SBCAddress string    `json:"sbcAddress"`
	CallID     string    `json:"callId"`
	CSeq       uint32    `json:"cseq"`
	UserAgent  string    `json:"userAgent,omitempty"`
	Registered time.Time `json:"registered"`
	Refreshed  time.Time `json:"refreshed"`
	Expires    time.Time `json:"expires"`

	Instance    string   `json:"instance,omitempty"`
	RegID       uint32   `json:"regId,omitempty"`
	Path        []string `json:"path,omitempty"`
	BehindNAT   bool     `json:"behindNat"`
	Unreachable bool     `json:"unreachable,omitempty"`
}

func (p *printer) print(aor registration.AOR, state registration.State) error {
	for _, b := range state.Bindings {
		r := row{
			AOR: aor.String(), Contact: b.Contact.URI.String(), Protocol: b.Flow.Protocol, Source: b.Flow.Source.String(),
			SBCAddress: b.Flow.SBCAddress, CallID: b.CallID, CSeq: b.CSeq, UserAgent: b.UserAgent,
			Registered: b.Registered.UTC(), Refreshed: b.Refreshed.UTC(), Expires: b.Expires.UTC(),
			Instance: b.Instance(), RegID: b.RegID, BehindNAT: b.BehindNAT, Unreachable: b.Unreachable,
		}
		for _, hop := range b.Path {
			r.Path = append(r.Path, hop.String())
		}
		if err := p.write(r); err != nil {
			return err
		}
	}
	return nil
}

func (p *printer) write(r row) error {
	if p.json != nil {
		return p.json.Encode(r)
	}
	_, err := fmt.Fprintf(p.table, "%s\t%s\t%s\t%s\t%s\t%s\n",
		r.AOR, printable(r.Contact), printable(r.Protocol), r.Source, r.Expires.Sub(p.now).Round(time.Second), printable(r.UserAgent))
	return err
}

func (p *printer) close() error {
	if p.table == nil {
		return nil
	}
	return p.table.Flush()
}

package main

import (
	"fmt"
	"io"
	"os"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"parley/ps/psbench"
)

func benchPSCommands() []*cobra.Command {
	var asJSON bool
	var config psbench.Config
	measure := &cobra.Command{Use: "ps", Short: "Measure the parameter servers, beside a plain copy over TCP in the same run", Args: takes(), ValidArgsFunction: arguments(),
		Long: `Ps starts server and client processes on this machine and measures what goes between them: pushes and
pulls of 1 MB of neighbouring keys (dense), of 100,000 keys of 2^26 (sparse), with key lists that the server knows and with new
ones, and of 1 KB (small), many at a time and one by one. Pushes are applied to the parameters. Beside it stands a plain copy of
1 MB messages over TCP between the same processes. Figures are the sum over the clients.

Exit codes: 0 done; 2 usage.`,
		Example: "  parley bench ps\n  parley bench ps --servers 2 --clients 2 --seconds 5\n  parley bench ps --json"}
	flags := measure.Flags()
	flags.BoolVar(&asJSON, "json", false, "print the figures as JSON")
	flags.IntVar(&config.Servers, "servers", 1, "server processes")
	flags.IntVar(&config.Clients, "clients", 1, "client processes")
	flags.Float64Var(&config.Seconds, "seconds", 2, "time of each of the ten measurements")
	flags.IntVar(&config.Space, "space", 26, "logarithm of the number of keys of the sparse job")
	_ = flags.MarkHidden("space")
	measure.RunE = do(func(c *cobra.Command, _ []string) error {
		self, err := os.Executable()
		if err != nil {
			return err
		}
		config.Command = func(role string) []string { return []string{self, "bench", "ps-" + role} }
		r, err := psbench.Run(c.Context(), config, nil)
		if err != nil {
			return err
		}
		if asJSON {
			return printJSON(os.Stdout, r)
		}
		return printPS(os.Stdout, r)
	})
	server := &cobra.Command{Use: "ps-server", Short: "A server process of bench ps", Hidden: true, Args: takes()}
	server.RunE = do(func(c *cobra.Command, _ []string) error { return psbench.Serve(c.Context(), os.Stdin, os.Stdout) })
	client := &cobra.Command{Use: "ps-client", Short: "A client process of bench ps", Hidden: true, Args: takes()}
	client.RunE = do(func(c *cobra.Command, _ []string) error { return psbench.Drive(c.Context(), os.Stdin, os.Stdout) })
	return []*cobra.Command{measure, server, client}
}

func printPS(out io.Writer, r psbench.Results) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprint(w, "\tGB/s\tof plain TCP\t\n")
	fmt.Fprintf(w, "plain TCP\t%.2f\t\t\n", r.RawTCP)
	fmt.Fprintf(w, "dense push\t%.2f\t%.2f\t\n", r.DensePush, r.DensePush/r.RawTCP)
	fmt.Fprintf(w, "dense pull\t%.2f\t%.2f\t\n", r.DensePull, r.DensePull/r.RawTCP)
	fmt.Fprint(w, "\t\t\t\n\tmillion keys/s\tbytes a key\t\n")
	fmt.Fprintf(w, "sparse push, known keys\t%.1f\t%.2f\t\n", r.SparsePush, r.KnownBytes)
	fmt.Fprintf(w, "sparse pull, known keys\t%.1f\t\t\n", r.SparsePull)
	fmt.Fprintf(w, "sparse push, new keys\t%.1f\t%.2f\t\n", r.SparsePushNew, r.NewBytes)
	fmt.Fprintf(w, "sparse pull, new keys\t%.1f\t\t\n", r.SparsePullNew)
	if err := w.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintf(out, "\n1 KB: %.0f operations/s together; one by one %.0f us, and %.0f us or less for 99 of 100\n", r.SmallOps, r.SmallP50, r.SmallP99)
	return err
}

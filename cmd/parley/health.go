package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

// healthWithin bounds the question of parley health.
const healthWithin = 4 * time.Second

func healthCommand() *cobra.Command {
	var address string
	var live bool
	c := &cobra.Command{
		Use:   "health",
		Short: "Ask the agent of this machine whether it can take part in jobs",
		Long: `Health asks the HTTP endpoint of an agent for /readyz: whether it has registered with a
coordinator and can take part in jobs. With --live it asks for /healthz: whether the process
serves at all. It prints the answer. It is for supervisors that run a command instead of
asking by HTTP, such as the health check of a container that has no shell.

Exit codes: 0 yes; 1 no; 2 usage; 3 nobody answers.`,
		Example: `  parley health
  parley health --http 127.0.0.1:7780 --live`,
		Args:              takes(),
		ValidArgsFunction: arguments(),
	}
	c.Flags().StringVar(&address, "http", "127.0.0.1:7780", "address of the agent's HTTP endpoint")
	c.Flags().BoolVar(&live, "live", false, "ask whether the process serves, not whether it is ready")
	c.RunE = do(func(c *cobra.Command, _ []string) error {
		if _, _, err := net.SplitHostPort(address); err != nil {
			return exit(exitUsage, fmt.Errorf("--http %q is not host:port: give that of parley agent --http", address))
		}
		path := "/readyz"
		if live {
			path = "/healthz"
		}
		return health(c.Context(), c.OutOrStdout(), url.URL{Scheme: "http", Host: address, Path: path})
	})
	return c
}

func health(ctx context.Context, out io.Writer, at url.URL) error {
	ctx, cancel := context.WithTimeout(ctx, healthWithin)
	defer cancel()
	q, err := http.NewRequestWithContext(ctx, http.MethodGet, at.String(), nil)
	if err != nil {
		return exit(exitUsage, err)
	}
	transport := &http.Transport{DisableKeepAlives: true} // and no proxy: the agent is here
	reply, err := (&http.Client{Transport: transport}).Do(q)
	if err != nil {
		return exit(exitUnreachable, fmt.Errorf("nobody answers at %s: is an agent with --http running there? (%w)", at.Host, errors.Unwrap(err)))
	}
	defer reply.Body.Close()
	text, err := io.ReadAll(io.LimitReader(reply.Body, 4096))
	if err != nil {
		return exit(exitFailed, err)
	}
	answer := strings.TrimSpace(string(text))
	if reply.StatusCode != http.StatusOK {
		return exit(exitFailed, errors.New(answer))
	}
	fmt.Fprintln(out, answer)
	return nil
}

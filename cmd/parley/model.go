package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"parley/internal/artifact"
	"parley/internal/param"
)

func modelCommand() *cobra.Command {
	verify := &cobra.Command{Use: "verify MODEL", Short: "Check all files of a model against their hashes", Args: takes("MODEL"), ValidArgsFunction: arguments(folders),
		Long: `Verify reads all files of a model, compares their SHA-256 with those in model.json, and names each file
that was changed or is missing.

Exit codes: 0 the model is whole; 1 it is not; 2 usage, or there is no model.`,
		Example: "  parley model verify runs/a9a"}
	verify.RunE = do(func(c *cobra.Command, args []string) error {
		dir, done, err := localModel(c.Context(), args[0])
		if err != nil {
			return err
		}
		defer done()
		m, err := artifact.Verify(dir)
		if param.KindOf(err) == param.Corrupt {
			return exit(exitFailed, err)
		}
		if err == nil {
			fmt.Printf("%s is whole; SHA-256 %s\n", m.Dir(), m.SHA256())
		}
		return err
	})
	return group("model", "Look at a model, check that it is whole, write it for other tools",
		"  parley model show runs/a9a\n  parley model verify runs/a9a\n  parley model export runs/a9a --to csv --out a9a.csv", modelShowCommand(), verify, modelExportCommand())
}

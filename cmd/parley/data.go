package main

import (
	"github.com/spf13/cobra"
)

// dataCommand is the group of commands that look at data without training.
func dataCommand() *cobra.Command {
	return group("data", "Convert data, check what a job asks of it",
		"  parley data check job.yaml --json\n  parley data convert train.csv train.parquet",
		dataCheckCommand(), dataConvertCommand())
}

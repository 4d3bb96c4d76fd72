package main

import (
	"github.com/spf13/cobra"
)

// dataCommand is the group of commands that look at data without training.
func dataCommand() *cobra.Command {
	return group("data", "Look at data, convert it, check what a job asks of it",
		"  parley data profile train.csv.gz --job > job.yaml\n  parley data check job.yaml --json\n  parley data convert train.csv train.parquet",
		dataProfileCommand(), dataCheckCommand(), dataConvertCommand())
}

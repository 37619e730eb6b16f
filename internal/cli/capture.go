package cli

import "github.com/spf13/cobra"

func (a *app) captureCommand() *cobra.Command { return &cobra.Command{Use: "capture"} }
func (a *app) printCommand() *cobra.Command { return &cobra.Command{Use: "print-packets", Hidden: true} }

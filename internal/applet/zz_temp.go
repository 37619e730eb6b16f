package applet

func Names() []string { return []string{"true"} }
func Main(args []string) int { return 0 }

// tests/cluster/checker/main.go: says whether a history is linearizable, register by register.
//
// checker [-html FOLDER] [-timeout SECONDS] FILE…: one line for each kind of register, then the
// registers that are not linearizable. Exit code 1 where one is not, or where the time was not
// enough to tell; 2 for a file that is no history.
package main

import (
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"time"

	"github.com/anishathalye/porcupine"
)

type verdict struct {
	name                Name
	records, unknown    int
	result              porcupine.CheckResult
	info                porcupine.LinearizationInfo
	model               porcupine.Model
	longest, linearized int
}

func judge(name Name, records []Record, timeout time.Duration) verdict {
	made := verdict{name: name, records: len(records)}
	hasVersions := false
	for _, record := range records {
		if record.Outcome == "unknown" {
			made.unknown++
		}
		hasVersions = hasVersions || record.Version != 0
	}
	known := settle(records)
	history := operations(known.records)
	made.model = register(hasVersions, known.dropped)
	made.result = porcupine.CheckOperationsTimeout(made.model, history, timeout)
	if made.result != porcupine.Ok {
		_, made.info = porcupine.CheckOperationsVerbose(made.model, history, timeout)
		made.longest = len(history)
		for _, partial := range made.info.PartialLinearizations() {
			for _, one := range partial {
				if len(one) > made.linearized {
					made.linearized = len(one)
				}
			}
		}
	}
	return made
}

func (made *verdict) draw(folder string) {
	if folder == "" {
		return
	}
	safe := strings.NewReplacer("/", "_", "@", "_at_").Replace(made.name.Key)
	path := filepath.Join(folder, made.name.Kind+"-"+safe+".html")
	if err := porcupine.VisualizePath(made.model, made.info, path); err != nil {
		fmt.Fprintln(os.Stderr, "checker:", err)
		return
	}
	fmt.Println("      drawn in", path)
}

type total struct{ registers, records, unknown, bad int }

// run judges a whole history; what it prints ends with the total.
func run(from io.Reader, html string, timeout time.Duration) (bad int, err error) {
	registers, err := read(from)
	if err != nil {
		return 0, err
	}
	totals := map[string]*total{}
	var failures []verdict
	for name, records := range registers {
		made := judge(name, records, timeout)
		if totals[name.Kind] == nil {
			totals[name.Kind] = &total{}
		}
		sum := totals[name.Kind]
		sum.registers++
		sum.records += made.records
		sum.unknown += made.unknown
		if made.result != porcupine.Ok {
			sum.bad++
			bad++
			failures = append(failures, made)
		}
	}
	var kinds []string
	for kind := range totals {
		kinds = append(kinds, kind)
	}
	sort.Strings(kinds)
	for _, kind := range kinds {
		sum := totals[kind]
		fmt.Printf("%-8s %d registers, %d operations, %d of them with unknown outcome: %d not linearizable\n",
			kind, sum.registers, sum.records, sum.unknown, sum.bad)
	}
	for i := range failures {
		one := &failures[i]
		fmt.Printf("FAIL  %s %s: %s after %d of %d operations\n", one.name.Kind, one.name.Key,
			one.result, one.linearized, one.longest)
		one.draw(html)
	}
	return bad, nil
}

func main() {
	html := flag.String("html", "", "draws each failure into this folder")
	seconds := flag.Int("timeout", 60, "for one register")
	flag.Parse()
	bad := 0
	for _, path := range flag.Args() {
		file, err := os.Open(path)
		if err == nil {
			var found int
			found, err = run(file, *html, time.Duration(*seconds)*time.Second)
			bad += found
			file.Close()
		}
		if err != nil {
			fmt.Fprintf(os.Stderr, "checker: %s: %v\n", path, err)
			os.Exit(2)
		}
	}
	if bad > 0 {
		os.Exit(1)
	}
}

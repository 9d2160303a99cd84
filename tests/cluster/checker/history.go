// tests/cluster/checker/history.go: a history of operations, as lines of JSON.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"sort"

	"github.com/anishathalye/porcupine"
)

// Record is one line of a history. Times are nanoseconds of one monotonic clock.
type Record struct {
	Kind    string `json:"kind"` // what the key is: item, account, state, policy, config
	Key     string `json:"key"`
	Process int    `json:"process"`
	Op      string `json:"op"`               // write, cas, read
	Value   string `json:"value"`            // written or read; of a read "" means that there was nothing
	Expect  string `json:"expect,omitempty"` // of a cas: the value that it is to replace
	Version int64  `json:"version,omitempty"`
	Call    int64  `json:"call"`
	Return  int64  `json:"return"`
	Outcome string `json:"outcome"` // ok, mismatch (a cas that found another value), unknown
}

func (record *Record) check() error {
	switch record.Op {
	case "write", "cas", "read":
	default:
		return fmt.Errorf("unknown op %q", record.Op)
	}
	switch record.Outcome {
	case "ok", "unknown":
	case "mismatch":
		if record.Op != "cas" {
			return fmt.Errorf("a %s cannot end with mismatch", record.Op)
		}
	default:
		return fmt.Errorf("unknown outcome %q", record.Outcome)
	}
	if record.Outcome != "unknown" && record.Return < record.Call {
		return fmt.Errorf("returned at %d before its call at %d", record.Return, record.Call)
	}
	if record.Kind == "" || record.Key == "" {
		return fmt.Errorf("no kind or no key")
	}
	return nil
}

// Name of a register: what is linearizable by itself.
type Name struct{ Kind, Key string }

func read(from io.Reader) (map[Name][]Record, error) {
	found := map[Name][]Record{}
	lines := bufio.NewScanner(from)
	lines.Buffer(nil, 1<<20)
	for number := 1; lines.Scan(); number++ {
		if len(lines.Bytes()) == 0 {
			continue
		}
		var record Record
		if err := json.Unmarshal(lines.Bytes(), &record); err != nil {
			return nil, fmt.Errorf("line %d: %v", number, err)
		}
		if err := record.check(); err != nil {
			return nil, fmt.Errorf("line %d: %v", number, err)
		}
		name := Name{record.Kind, record.Key}
		found[name] = append(found[name], record)
	}
	return found, lines.Err()
}

// What a read that brought no answer saw is unknown, and it changed nothing. A write whose outcome
// is unknown, and whose value nothing ever read, explains nothing where there is no cas: what
// follows it in an order of all operations is another write, or nothing.
func withoutNoise(records []Record) []Record {
	seen, hasCas := map[string]bool{}, false
	for _, record := range records {
		if record.Op == "read" && record.Outcome == "ok" {
			seen[record.Value] = true
		}
		hasCas = hasCas || record.Op == "cas" || record.Version != 0
	}
	var kept []Record
	for _, record := range records {
		isUnknown := record.Outcome == "unknown"
		if isUnknown && (record.Op == "read" || (!hasCas && !seen[record.Value])) {
			continue
		}
		kept = append(kept, record)
	}
	return kept
}

// An operation whose outcome is unknown may take effect at any time after its call.
func operations(records []Record) []porcupine.Operation {
	sort.SliceStable(records, func(i, j int) bool { return records[i].Call < records[j].Call })
	var made []porcupine.Operation
	for i := range records {
		record := &records[i]
		end := record.Return
		if record.Outcome == "unknown" {
			end = math.MaxInt64
		}
		made = append(made, porcupine.Operation{
			ClientId: record.Process, Input: record, Call: record.Call, Output: record, Return: end,
		})
	}
	return made
}

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

// What is known of the operations whose outcome their clients do not know. A search among all moments
// at which each of them may have taken effect would not end.
type settled struct {
	records []Record
	dropped int64 // writes that may have taken effect, and of which nothing else is known
}

// The records that saw a value, each of which is written once: reads of it, and a compare-and-set that
// replaced it. `once` has the values for which that can be told.
func observers(records []Record) (seen map[string][]*Record, once map[string]bool) {
	seen, once = map[string][]*Record{}, map[string]bool{"": false}
	for i := range records {
		record := &records[i]
		if record.Outcome == "ok" && record.Op == "read" {
			seen[record.Value] = append(seen[record.Value], record)
		}
		if record.Outcome == "ok" && record.Op == "cas" {
			seen[record.Expect] = append(seen[record.Expect], record)
		}
		if record.Op != "read" {
			_, isKnown := once[record.Value]
			once[record.Value] = !isKnown
		}
	}
	return seen, once
}

// Where another operation saw the value, the write took effect before that one returned. Where none
// did, what followed it was a write without condition, or nothing: it explains nothing but a
// compare-and-set that found another value, or a version that is left out, and is left out with
// those that it may explain. A read without an answer says nothing.
func settle(records []Record) settled {
	seen, once := observers(records)
	var made settled
	var kept []Record
	since := int64(math.MaxInt64)
	for _, record := range records {
		if record.Outcome != "unknown" || (record.Op != "read" && !once[record.Value]) {
			kept = append(kept, record)
			continue
		}
		if record.Op == "read" {
			continue
		}
		if len(seen[record.Value]) == 0 {
			made.dropped++
			if record.Call < since {
				since = record.Call
			}
			continue
		}
		record.Return = math.MaxInt64
		for _, one := range seen[record.Value] {
			if one.Return >= record.Call && one.Return < record.Return {
				record.Return = one.Return
			}
			if one.Op == "read" {
				record.Version = one.Version
			}
		}
		record.Outcome = "ok"
		kept = append(kept, record)
	}
	for _, record := range kept {
		if record.Outcome == "mismatch" && record.Return >= since {
			continue
		}
		made.records = append(made.records, record)
	}
	return made
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

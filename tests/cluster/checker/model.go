// tests/cluster/checker/model.go: a register with compare-and-set, and a version where it has one.
package main

import (
	"fmt"

	"github.com/anishathalye/porcupine"
)

type state struct {
	value   string
	version int64 // counted where the records of a register have versions
}

// A register that is absent at first (value ""). As many versions as `dropped` may be left out.
func register(hasVersions bool, dropped int64) porcupine.Model {
	next := func(before state, record *Record) (state, bool) {
		after := state{value: record.Value}
		if !hasVersions {
			return after, true
		}
		after.version = before.version + 1
		if record.Version == 0 {
			return after, true
		}
		isNext := record.Version >= after.version && record.Version <= after.version+dropped
		after.version = record.Version
		return after, isNext
	}
	fits := func(now state, record *Record) bool {
		return record.Version == 0 || !hasVersions || record.Version == now.version
	}
	return porcupine.Model{
		Init: func() interface{} { return state{} },
		Step: func(from, input, _ interface{}) (bool, interface{}) {
			now, record := from.(state), input.(*Record)
			matches := record.Op != "cas" || now.value == record.Expect
			switch {
			case record.Op == "read":
				return now.value == record.Value && fits(now, record), now
			case record.Outcome == "mismatch":
				return !matches, now
			case record.Outcome == "unknown" && !matches:
				return true, now
			}
			after, isNext := next(now, record)
			return matches && isNext, after
		},
		DescribeOperation: func(input, _ interface{}) string {
			record := input.(*Record)
			text := fmt.Sprintf("%s %q", record.Op, record.Value)
			if record.Op == "cas" {
				text = fmt.Sprintf("cas %q → %q", record.Expect, record.Value)
			}
			if record.Version != 0 {
				text += fmt.Sprintf(" v%d", record.Version)
			}
			if record.Outcome != "ok" {
				text += ": " + record.Outcome
			}
			return text
		},
		DescribeState: func(one interface{}) string { return fmt.Sprintf("%+v", one) },
	}
}

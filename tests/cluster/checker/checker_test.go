// tests/cluster/checker/checker_test.go: the checker refuses histories that are broken on purpose.
package main

import (
	"strings"
	"testing"
	"time"
)

// Lines are "op value [expect] call return outcome", `-` for nothing.
func history(t *testing.T, lines string) []Record {
	t.Helper()
	var made []Record
	at := map[string]int64{}
	for i := int64(0); i < 100; i++ {
		at[string(rune('0'+i/10))+string(rune('0'+i%10))] = i
	}
	for number, line := range strings.Split(strings.TrimSpace(lines), "\n") {
		word := strings.Fields(line)
		if len(word) != 6 {
			t.Fatalf("line %q", line)
		}
		none := strings.NewReplacer("-", "")
		record := Record{Kind: "item", Key: "k", Process: number, Op: word[0],
			Value: none.Replace(word[1]), Expect: none.Replace(word[2]), Call: at[word[3]],
			Return: at[word[4]], Outcome: word[5]}
		if err := record.check(); err != nil {
			t.Fatal(err)
		}
		made = append(made, record)
	}
	return made
}

func isLinearizable(t *testing.T, records []Record) bool {
	t.Helper()
	made := judge(Name{"item", "k"}, records, 10*time.Second)
	return made.result == "Ok"
}

func expect(t *testing.T, wanted bool, lines string) {
	t.Helper()
	if isLinearizable(t, history(t, lines)) != wanted {
		t.Errorf("linearizable should be %v:\n%s", wanted, lines)
	}
}

func TestGoodHistories(t *testing.T) {
	expect(t, true, `
		read  - - 00 01 ok
		write a - 02 03 ok
		read  a - 04 05 ok`)
	expect(t, true, `
		write a - 00 05 ok
		write b - 01 06 ok
		read  b - 07 08 ok
		read  b - 09 10 ok`)
	expect(t, true, `
		write a - 00 01 ok
		write b - 02 00 unknown
		read  a - 05 06 ok
		read  b - 07 08 ok`)
	expect(t, true, `
		write a - 00 01 ok
		cas   b a 02 03 ok
		cas   c a 04 05 mismatch
		cas   d b 06 00 unknown
		cas   e d 07 08 ok`)
}

func TestALostWrite(t *testing.T) {
	expect(t, false, `
		write a - 00 01 ok
		write b - 02 03 ok
		read  a - 04 05 ok`)
	expect(t, false, `
		write a - 00 01 ok
		read  - - 02 03 ok`)
}

func TestAReadThatGoesBack(t *testing.T) {
	expect(t, false, `
		write a - 00 01 ok
		write b - 02 20 ok
		read  b - 03 04 ok
		read  a - 05 06 ok`)
}

func TestAWriteThatTakesEffectTwice(t *testing.T) {
	expect(t, false, `
		write a - 00 00 unknown
		read  a - 01 02 ok
		write b - 03 04 ok
		read  b - 05 06 ok
		read  a - 07 08 ok`)
}

func TestTwoWinnersOfOneCompareAndSet(t *testing.T) {
	expect(t, false, `
		write a - 00 01 ok
		cas   b a 02 09 ok
		cas   c a 02 09 ok`)
}

func TestAMismatchWithoutACause(t *testing.T) {
	expect(t, false, `
		write a - 00 01 ok
		cas   b a 02 03 mismatch`)
	// A write without an answer may be the cause, though nothing read it.
	expect(t, true, `
		write a - 00 01 ok
		write u - 02 00 unknown
		cas   b a 03 04 mismatch`)
}

func TestManyWritesWithoutAnAnswer(t *testing.T) {
	// A search among all orders of them would not end.
	lines := "write a - 00 01 ok\n"
	for i := 0; i < 60; i++ {
		lines += "write u" + string(rune('A'+i)) + " - 02 00 unknown\n"
	}
	expect(t, true, lines+"read a - 03 04 ok\ncas b a 05 06 ok\nread b - 07 08 ok")
	expect(t, false, lines+"read a - 03 04 ok\nread - - 05 06 ok\nread a - 07 08 ok")
}

func TestAWriteWithoutAnAnswerThatWasSeen(t *testing.T) {
	expect(t, true, `
		write a - 00 01 ok
		cas   u a 02 00 unknown
		read  a - 03 04 ok
		read  u - 05 06 ok
		cas   b u 07 08 ok`)
	// It cannot have taken effect when another had replaced what it expects.
	expect(t, false, `
		write a - 00 01 ok
		cas   b a 02 03 ok
		cas   u a 04 00 unknown
		read  u - 05 06 ok`)
	// Nor before it was called.
	expect(t, false, `
		write a - 00 01 ok
		read  u - 02 03 ok
		write u - 04 00 unknown`)
}

func TestAValueThatWasNeverWritten(t *testing.T) {
	expect(t, false, `
		write a - 00 01 ok
		read  x - 02 03 ok`)
}

func TestVersions(t *testing.T) {
	records := history(t, `
		write a - 00 01 ok
		write b - 02 03 ok
		read  b - 04 05 ok`)
	for i, version := range []int64{1, 2, 2} {
		records[i].Version = version
	}
	if !isLinearizable(t, records) {
		t.Error("versions 1, 2 and 2 fit")
	}
	records[1].Version, records[2].Version = 3, 3
	if isLinearizable(t, records) {
		t.Error("a version is left out")
	}
	between := records[1]
	between.Value, between.Outcome, between.Version = "u", "unknown", 0
	if !isLinearizable(t, append(records, between)) {
		t.Error("a write without an answer may have had that version")
	}
}

func TestWhatIsNoHistory(t *testing.T) {
	for _, line := range []string{
		`{"kind":"item","key":"k","op":"frob","outcome":"ok"}`,
		`{"kind":"item","key":"k","op":"read","outcome":"maybe"}`,
		`{"kind":"item","key":"k","op":"read","outcome":"mismatch"}`,
		`{"kind":"item","key":"k","op":"read","outcome":"ok","call":5,"return":4}`,
		`{"kind":"item","key":"","op":"read","outcome":"ok"}`,
		`{"kind":`,
	} {
		if _, err := read(strings.NewReader(line)); err == nil {
			t.Errorf("read without an error: %s", line)
		}
	}
}

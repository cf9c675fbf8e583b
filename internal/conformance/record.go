package conformance

import "time"

// A Result is what was found out about one belief.
type Result struct {
	Belief   string    `json:"belief"`
	Text     string    `json:"text"`
	Grade    string    `json:"grade"` // of the belief's weakest part
	Verdict  Verdict   `json:"verdict"`
	Seen     string    `json:"seen,omitempty"` // without secrets
	Why      string    `json:"why,omitempty"`  // why it was not decided
	Measures []Measure `json:"measures,omitempty"`
}

// A Record is the result of a run, to be kept.
type Record struct {
	Of      string          `json:"of"`  // what was asked: "pingone", "aws"
	Run     string          `json:"run"` // part of the name of everything that was created
	Begun   time.Time       `json:"begun"`
	Ended   time.Time       `json:"ended"`
	Swept   []string        `json:"swept,omitempty"` // what earlier runs left behind, now removed
	Left    []string        `json:"left,omitempty"`  // what could not be removed
	Results []Result        `json:"results"`
	Count   map[Verdict]int `json:"count"`
}

// Differences returns the numbers of the beliefs that are not true.
func (r Record) Differences() []string {
	var all []string
	for _, one := range r.Results {
		if one.Verdict == Differs {
			all = append(all, one.Belief)
		}
	}
	return all
}

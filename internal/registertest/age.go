package registertest

import (
	"regexp"
	"strings"
	"time"
)

// instant matches a time in JSON.
var instant = regexp.MustCompile(`"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z"`)

// Age makes everything in the table older by d: it moves the times in the JSON of its rows.
// It is for a client whose clock cannot be moved, such as a process: in what it reads, d
// has passed. A client that remembers what it wrote must not outlive the call.
func (s *Server) Age(name string, d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.must(name)
	for _, r := range t.rows {
		next := item{}
		for attribute, v := range r.now() {
			if v.S != nil && strings.HasPrefix(*v.S, "{") {
				older := instant.ReplaceAllStringFunc(*v.S, func(text string) string {
					at, err := time.Parse(`"`+time.RFC3339Nano+`"`, text)
					if err != nil {
						return text
					}
					return at.Add(-d).Format(`"` + time.RFC3339Nano + `"`)
				})
				v.S = &older
			}
			next[attribute] = v
		}
		if len(next) > 0 {
			t.set(r.key, next, s.Now())
		}
	}
}

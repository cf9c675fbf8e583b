package playground

// A Report is the result of the demo.
type Report struct {
	Secret    string           `json:"secret"`
	Chapters  []*Chapter       `json:"chapters"`
	Timeline  []Sample         `json:"timeline"`
	Rotations int              `json:"rotations"`
	Mints     int              `json:"mints"`
	LogBytes  int              `json:"logBytes"` // of the function's log, searched for secrets
	Consumers []ConsumerReport `json:"consumers"`
	Failures  []string         `json:"failures"` // of the consumers' requests
	Broken    []string         `json:"broken"`   // broken promises
}

// A Chapter is one day of the demo.
type Chapter struct {
	Day   int    `json:"day"`
	Title string `json:"title"`
	Steps []Step `json:"steps"`
}

// A ConsumerReport counts the requests of one application.
type ConsumerReport struct {
	Name     string `json:"name"`
	Requests int    `json:"requests"`
	Failed   int    `json:"failed"`
}

package register

import "sync"

// rememberedKeys bounds what a process remembers. A function that is warm works on a
// handful of clients at once.
const rememberedKeys = 1024

// remembered keeps the last revision that this process has read or written of each
// client. It is good for nothing but to spare a read before a write, which fails
// where the revision is old.
type remembered struct {
	mu   sync.Mutex
	last map[Key]Revision
}

func (m *remembered) keep(key Key, r Revision) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.last == nil || len(m.last) >= rememberedKeys {
		m.last = make(map[Key]Revision)
	}
	m.last[key] = r
}

// Remembered returns the revision that this process last read or wrote of the client.
// It may be old: nothing may be decided by it but what a [Table.Replace] with it then
// confirms.
func (t *Table) Remembered(key Key) (Revision, bool) {
	t.remembered.mu.Lock()
	defer t.remembered.mu.Unlock()
	r, ok := t.remembered.last[key]
	return r, ok
}

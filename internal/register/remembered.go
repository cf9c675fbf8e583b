package register

import "sync"

// rememberedKeys bounds what a process remembers. A warm function works on a handful of
// clients at once.
const rememberedKeys = 1024

// remembered keeps the last revision of each client that this process has read or written.
// Its only use is to save a read before a write, which fails if the revision is old.
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

// Remembered returns the revision of the client that this process last read or wrote. It
// may be old: rely on it only as far as a [Table.Replace] with it succeeds.
func (t *Table) Remembered(key Key) (Revision, bool) {
	t.remembered.mu.Lock()
	defer t.remembered.mu.Unlock()
	r, ok := t.remembered.last[key]
	return r, ok
}

package fault

// held is a call that its service has yet to apply.
type held struct {
	call  Call
	apply func(Call) Reply
}

func (l *Line) hold(call Call, apply func(Call) Reply) {
	call.Repeat = true
	l.mu.Lock()
	defer l.mu.Unlock()
	l.held = append(l.held, held{call, apply})
}

// Held returns the calls that are held, oldest first. See [Kind.Holds].
func (l *Line) Held() []Call {
	l.mu.Lock()
	defer l.mu.Unlock()
	all := make([]Call, len(l.held))
	for i, h := range l.held {
		all[i] = h.call
	}
	return all
}

// Deliver applies the calls that are held, oldest first, and returns how many there were.
// Their replies are discarded. The hook set by After sees each as [Delivered].
func (l *Line) Deliver() int { return l.deliver(func(Call) bool { return true }) }

// DeliverWhen sets the hook that decides, before each call that arrives, which of
// the calls held by then are applied first. Nil keeps them.
//
//	// Whatever is late arrives before the next regeneration.
//	line.DeliverWhen(func(held, arriving fault.Call) bool { return arriving.Operation == held.Operation })
func (l *Line) DeliverWhen(hook func(held, arriving Call) bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.release = hook
}

func (l *Line) releaseBefore(arriving Call) {
	l.mu.Lock()
	release := l.release
	l.mu.Unlock()
	if release != nil {
		l.deliver(func(held Call) bool { return release(held, arriving) })
	}
}

func (l *Line) deliver(wanted func(Call) bool) int {
	n := 0
	for _, call := range l.Held() { // calls held from now on stay
		if !wanted(call) {
			continue
		}
		h, ok := l.take(call)
		if !ok {
			continue // another goroutine delivers it
		}
		h.apply(h.call)
		n++
		l.mu.Lock()
		after := l.after
		l.mu.Unlock()
		if after != nil {
			after(h.call, Delivered)
		}
	}
	return n
}

// take removes a call from those held, and reports whether it was there.
func (l *Line) take(call Call) (held, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i, h := range l.held {
		if h.call == call {
			l.held = append(l.held[:i:i], l.held[i+1:]...)
			return h, true
		}
	}
	return held{}, false
}

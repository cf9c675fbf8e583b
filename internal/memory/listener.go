package memory

import (
	"context"
	"net"
	"sync"
)

// A Listener accepts connections from the same process. Unlike [Transport] it uses real
// connections, with everything that can go wrong on one; unlike sockets, they work in a
// synctest bubble. The zero value is ready to use.
type Listener struct {
	once   sync.Once
	conns  chan net.Conn
	closed chan struct{}
	close  sync.Once
}

func (l *Listener) init() {
	l.once.Do(func() { l.conns, l.closed = make(chan net.Conn), make(chan struct{}) })
}

// Accept implements [net.Listener].
func (l *Listener) Accept() (net.Conn, error) {
	l.init()
	select {
	case conn := <-l.conns:
		return conn, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

// Close implements [net.Listener].
func (l *Listener) Close() error {
	l.init()
	l.close.Do(func() { close(l.closed) })
	return nil
}

// Addr implements [net.Listener].
func (l *Listener) Addr() net.Addr { return addr{} }

type addr struct{}

func (addr) Network() string { return "memory" }
func (addr) String() string  { return "memory:1" }

// DialContext connects to the listener, whatever the address. It has the signature of
// [net/http.Transport]'s field.
func (l *Listener) DialContext(ctx context.Context, _, _ string) (net.Conn, error) {
	l.init()
	near, far := net.Pipe()
	select {
	case l.conns <- far:
		return near, nil
	case <-l.closed:
		return nil, net.ErrClosed
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

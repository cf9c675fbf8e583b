package pingone

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/url"
	"os"
	"slices"
	"syscall"
)

// errUnreadable is the whole error for a reply that is not HTTP. net/http quotes what it
// cannot parse, and that may be a secret.
var errUnreadable = errors.New("the reply cannot be read as HTTP")

// fixed are errors of net/http that have no type and no words of the peer in their text.
var fixed = []string{
	"http: server closed idle connection",
	"http: server gave HTTP response to HTTPS client",
	"net/http: TLS handshake timeout",
	"net/http: timeout awaiting response headers",
	"net/http: request canceled",
	"net/http: request canceled while waiting for connection",
	"http2: client connection lost",
	"http2: timeout awaiting response headers",
	"use of closed network connection",
}

// A wordlessError has a text in the words of this program or of the system, and matches
// whatever the error that it replaces matches.
type wordlessError struct {
	error                  // what it says
	is    func(error) bool // a function, so that no way of printing shows the original
}

func (e wordlessError) Is(target error) bool { return e.is(target) }

func (e wordlessError) Unwrap() error { return e.error }

// wordless returns an error about a connection without any words of the peer's. A
// server chooses what is in its status line, its certificate and the last frame that
// it sends, and a proxy why it refuses; net/http and crypto/tls quote all of them.
func wordless(err error) error {
	return wordlessError{said(err), func(target error) bool { return errors.Is(err, target) }}
}

func said(err error) error {
	for _, known := range []error{context.Canceled, context.DeadlineExceeded} {
		if errors.Is(err, known) {
			return known
		}
	}
	for u, ok := errors.AsType[*url.Error](err); ok; u, ok = errors.AsType[*url.Error](err) {
		err = u.Err
	}
	if op, ok := errors.AsType[*net.OpError](err); ok {
		// The address and the operation are this machine's.
		return &net.OpError{Op: op.Op, Net: op.Net, Source: op.Source, Addr: op.Addr, Err: innermost(op.Err)}
	}
	return innermost(err)
}

func innermost(err error) error {
	for _, known := range []error{io.ErrUnexpectedEOF, io.EOF, os.ErrDeadlineExceeded, net.ErrClosed} {
		if errors.Is(err, known) {
			return known
		}
	}
	if errno, ok := errors.AsType[syscall.Errno](err); ok {
		return errno
	}
	if dns, ok := errors.AsType[*net.DNSError](err); ok {
		return dns
	}
	if alert, ok := errors.AsType[tls.AlertError](err); ok {
		return alert
	}
	if slices.Contains(fixed, err.Error()) {
		return err
	}
	if _, ok := errors.AsType[tls.RecordHeaderError](err); ok {
		return errors.New("the peer does not speak TLS")
	}
	if _, ok := errors.AsType[x509.HostnameError](err); ok {
		return errors.New("the certificate is for another host")
	}
	if _, ok := errors.AsType[x509.UnknownAuthorityError](err); ok {
		return errors.New("the certificate is signed by an unknown authority")
	}
	if invalid, ok := errors.AsType[x509.CertificateInvalidError](err); ok {
		if invalid.Reason == x509.Expired {
			return errors.New("the certificate has expired or is not valid yet")
		}
		return errors.New("the certificate is not valid")
	}
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return errors.New("the certificate cannot be verified")
	}
	return errUnreadable
}

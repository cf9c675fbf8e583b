package fault

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"io"
	"math/big"
	"net"
	"sync"
	"time"
)

// A Handshake is a fault of a peer before there is a connection that speaks HTTP: nothing
// of a request reaches the peer.
type Handshake int

const (
	NeverAnswers  Handshake = iota // takes the ClientHello and says nothing
	AnotherName                    // has a certificate for another host, from a trusted authority
	UnknownIssuer                  // has a certificate for [HandshakeHost] from an authority that is not trusted
	Expired                        // has a certificate for [HandshakeHost] that has expired
	PlainHTTP                      // speaks HTTP on a port for TLS
	HangsUp                        // closes the connection after the ClientHello
)

var handshakeNames = [...]string{"never answers", "another name", "unknown issuer", "expired", "plain HTTP", "hangs up"}

// Handshakes returns all of them.
func Handshakes() []Handshake {
	return []Handshake{NeverAnswers, AnotherName, UnknownIssuer, Expired, PlainHTTP, HangsUp}
}

// String returns the fault in words, for the names of tests.
func (h Handshake) String() string { return handshakeNames[h] }

// HandshakeHost is the host name that a client asks for.
const HandshakeHost = "peer.invalid"

// Serve commits the fault on each connection until the listener is closed, and then closes
// them. Every text that a peer can choose contains [Canary].
func (h Handshake) Serve(l net.Listener) {
	var all []net.Conn
	defer func() {
		for _, conn := range all {
			conn.Close()
		}
	}()
	for {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		all = append(all, conn)
		go h.meet(conn)
	}
}

func (h Handshake) meet(conn net.Conn) {
	defer conn.Close()
	hello := make([]byte, 4096)
	switch h {
	case NeverAnswers:
		io.Copy(io.Discard, conn) // until the client gives up
	case PlainHTTP:
		conn.Read(hello)
		io.WriteString(conn, "HTTP/1.1 400 "+Canary+"\r\nConnection: close\r\n\r\n"+Canary)
	case HangsUp:
		conn.Read(hello)
	default:
		tls.Server(conn, &tls.Config{Certificates: []tls.Certificate{h.certificate()}}).Handshake()
		io.Copy(io.Discard, conn)
	}
}

// certificate returns the certificate that is shown. Its dates also hold in a synctest
// bubble, where it is the year 2000.
func (h Handshake) certificate() tls.Certificate {
	from, to, host, issuer := time.Date(1999, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(2099, 1, 1, 0, 0, 0, 0, time.UTC), HandshakeHost, authorities().trusted
	switch h {
	case AnotherName:
		host = Canary + ".invalid"
	case UnknownIssuer:
		issuer = authorities().other
	case Expired:
		to = from.Add(time.Hour)
	}
	return issuer.issue(&x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: Canary}, DNSNames: []string{host}, NotBefore: from, NotAfter: to,
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	})
}

// TrustedTLS returns the TLS configuration of a client that connects to [HandshakeHost].
func TrustedTLS() *tls.Config {
	pool := x509.NewCertPool()
	pool.AddCert(authorities().trusted.own)
	return &tls.Config{RootCAs: pool, ServerName: HandshakeHost}
}

// An authority issues certificates.
type authority struct {
	own *x509.Certificate
	key *ecdsa.PrivateKey
}

var authorities = sync.OnceValue(func() (both struct{ trusted, other authority }) {
	both.trusted, both.other = newAuthority("trusted"), newAuthority(Canary)
	return both
})

func newAuthority(name string) authority {
	a := authority{own: &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
		NotBefore: time.Date(1999, 1, 1, 0, 0, 0, 0, time.UTC), NotAfter: time.Date(2099, 1, 1, 0, 0, 0, 0, time.UTC),
	}, key: newKey()}
	made := a.sign(a.own, &a.key.PublicKey)
	own, err := x509.ParseCertificate(made)
	if err != nil {
		panic(fmt.Errorf("fault: read a certificate: %w", err)) // it was made here
	}
	a.own = own
	return a
}

func (a authority) issue(what *x509.Certificate) tls.Certificate {
	key := newKey()
	return tls.Certificate{Certificate: [][]byte{a.sign(what, &key.PublicKey), a.own.Raw}, PrivateKey: key}
}

func (a authority) sign(what *x509.Certificate, key *ecdsa.PublicKey) []byte {
	made, err := x509.CreateCertificate(rand.Reader, what, a.own, key, a.key)
	if err != nil {
		panic(fmt.Errorf("fault: make a certificate: %w", err)) // its fields are right
	}
	return made
}

func newKey() *ecdsa.PrivateKey {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(fmt.Errorf("fault: make a key: %w", err)) // a curve of the library
	}
	return key
}

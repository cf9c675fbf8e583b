package playground

import "net"

// Addresses say where the services of a world and a sandbox listen.
type Addresses struct {
	SecretsManager, PingOne string
	Cloud                   string // of the sandbox: Lambda, CloudWatch Logs and STS
}

// The ports are fixed because events/env.json names them.
const (
	SecretsManagerPort = "7401"
	PingOnePort        = "7402"
	CloudPort          = "7403"
)

// Fixed returns the fixed ports of an address of this machine.
func Fixed(host string) Addresses {
	return Addresses{
		SecretsManager: net.JoinHostPort(host, SecretsManagerPort),
		PingOne:        net.JoinHostPort(host, PingOnePort),
		Cloud:          net.JoinHostPort(host, CloudPort),
	}
}

// Free returns free ports of loopback.
func Free() Addresses { return Addresses{"127.0.0.1:0", "127.0.0.1:0", "127.0.0.1:0"} }

// Endpoints returns the URLs of services that listen at the addresses.
func (a Addresses) Endpoints() Endpoints {
	return Endpoints{localURL(a.SecretsManager), localURL(a.PingOne), localURL(a.Cloud)}
}

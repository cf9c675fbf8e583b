package playground

import "net"

// Addresses say where the services of a world and a sandbox listen.
type Addresses struct {
	SecretsManager, PingOne, Register string
	Cloud                             string // in the sandbox: Lambda, CloudWatch Logs, STS and Step Functions
}

// The ports are fixed because events/env.json names them.
const (
	SecretsManagerPort = "7401"
	PingOnePort        = "7402"
	CloudPort          = "7403"
	RegisterPort       = "7404"
)

// Fixed returns addresses on this host with the fixed ports.
func Fixed(host string) Addresses {
	return Addresses{
		SecretsManager: net.JoinHostPort(host, SecretsManagerPort),
		PingOne:        net.JoinHostPort(host, PingOnePort),
		Cloud:          net.JoinHostPort(host, CloudPort),
		Register:       net.JoinHostPort(host, RegisterPort),
	}
}

// Free returns addresses on loopback, with ports that the system chooses.
func Free() Addresses {
	const free = "127.0.0.1:0"
	return Addresses{SecretsManager: free, PingOne: free, Register: free, Cloud: free}
}

// Endpoints returns the URLs of services that listen at the addresses.
func (a Addresses) Endpoints() Endpoints {
	return Endpoints{
		SecretsManager: localURL(a.SecretsManager),
		PingOne:        localURL(a.PingOne),
		Register:       localURL(a.Register),
		Cloud:          localURL(a.Cloud),
	}
}

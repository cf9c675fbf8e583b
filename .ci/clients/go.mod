module pingrotate/clients

go 1.26.0

require (
	github.com/patrickcping/pingone-go-sdk-v2/management v0.70.0
	golang.org/x/oauth2 v0.38.0
	pingrotate v0.0.0
)

require (
	github.com/coreos/go-oidc/v3 v3.21.0
	github.com/go-jose/go-jose/v4 v4.1.4 // indirect
)

replace pingrotate => ../..

package playground

// A Credential is what an application reads of the stored document.
type Credential struct {
	EnvironmentID string `json:"environmentId"`
	Region        string `json:"region"`
	ClientID      string `json:"clientId"`
	ClientSecret  string `json:"clientSecret"`
	AuthMethod    string `json:"tokenEndpointAuthMethod"`
	TokenEndpoint string `json:"tokenEndpoint"`
}

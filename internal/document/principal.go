package document

import "pingrotate/pingone"

// A Principal is the client that a document's secret belongs to.
type Principal struct {
	EnvironmentID, AuthDomain, ClientID, ApplicationID, Twin string

	Region pingone.Region
}

// Principal returns the client that the document's secret belongs to.
func (d *Document) Principal() Principal {
	return Principal{d.EnvironmentID, d.AuthDomain, d.ClientID, d.ApplicationID(), d.Rotation.Twin, d.Region}
}

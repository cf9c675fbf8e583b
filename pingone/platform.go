package pingone

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

func get(op string) request {
	return request{op: op, method: http.MethodGet, success: http.StatusOK}
}

// post creates something. It is sent once, because a second request could create a
// second object with the same name.
func post(op string) request {
	return request{op: op, method: http.MethodPost, success: http.StatusCreated, once: true}
}

func put(op string) request {
	return request{op: op, method: http.MethodPut, success: http.StatusOK}
}

func remove(op string) request {
	return request{op: op, method: http.MethodDelete, success: http.StatusNoContent}
}

// call sends a request to the platform API as the admin. An access token that
// PingOne refuses is dropped from the cache, and a request that is safe to repeat is
// sent again with a new token: the old one may have ended early, or be older than one of
// the admin's roles.
func (c *Client) call(ctx context.Context, r request, path string, ids ...string) (*reply, error) {
	path, err := expand(path, ids...)
	if err != nil {
		return nil, err
	}
	r.url, r.platform = c.Admin.Environment.API+path, true
	for repeated := false; ; repeated = true {
		token, cached, err := c.bearer(ctx)
		if err != nil {
			return nil, fmt.Errorf("authenticate as the admin application: %w", err)
		}
		r.auth = "Bearer " + token.Reveal()
		got, err := c.do(ctx, r)
		if status := as(err).Status; status != http.StatusUnauthorized && status != http.StatusForbidden {
			return got, err
		}
		c.Tokens.drop(c.Admin, token)
		if r.once || !cached || repeated {
			return nil, err
		}
	}
}

// expand fills identifiers into an API path. They are UUIDs by then; one that is
// not would let a document's writer name any resource of the API, so it is
// refused here too.
func expand(path string, ids ...string) (string, error) {
	for _, id := range ids {
		if !IsUUID(id) {
			return "", fmt.Errorf("build the request path: %q is not a UUID", id)
		}
		path = strings.Replace(path, "{}", id, 1)
	}
	return path, nil
}

// A decoder reads an object of a reply, and reports whether PingOne would send such an
// object.
type decoder[T any] func(json.RawMessage) (T, bool)

// fetch sends a request and decodes the reply.
func fetch[T any](ctx context.Context, c *Client, r request, decode decoder[T], path string, ids ...string) (T, error) {
	var none T
	got, err := c.call(ctx, r, path, ids...)
	if err != nil {
		return none, err
	}
	v, ok := decode(got.body)
	if !ok {
		return none, malformed(r.op, got)
	}
	return v, nil
}

// withJSON gives a request its body.
func (r request) withJSON(body any) (request, error) {
	b, err := json.Marshal(body)
	if err != nil {
		return r, fmt.Errorf("%s: encode the request: %w", r.op, err)
	}
	r.body, r.contentType = string(b), "application/json"
	return r, nil
}

// submit is fetch for a request with a body.
func submit[T any](ctx context.Context, c *Client, r request, body any, decode decoder[T], path string, ids ...string) (T, error) {
	r, err := r.withJSON(body)
	if err != nil {
		var none T
		return none, err
	}
	return fetch(ctx, c, r, decode, path, ids...)
}

// delete removes something. It succeeds if that is already gone.
func (c *Client) delete(ctx context.Context, op, path string, ids ...string) error {
	_, err := c.call(ctx, remove(op), path, ids...)
	if IsNotFound(err) {
		return nil
	}
	return err
}

// pageLimit is how many pages of a collection are read. No collection that this
// package reads has so many: it ends a reply that links to itself.
const pageLimit = 100

// A collection says where a list of objects is and how many there may be. More are an
// error: a list that is cut short would look as if the rest did not exist.
type collection struct {
	op    string
	name  string // in the replies
	path  string // with a query if only a part of it is wanted
	limit int

	mayLack bool // a 404 means that there are none, however new the application is
}

// list reads a whole collection. See "Paging" in "Working with PingOne APIs".
func list[T any](ctx context.Context, c *Client, from collection, decode decoder[T], ids ...string) ([]T, error) {
	var all []T
	r, path := get(from.op), from.path
	r.final = from.mayLack
	whole, _, _ := strings.Cut(path, "?")
	for range pageLimit {
		got, err := c.call(ctx, r, path, ids...)
		if err != nil {
			return nil, err
		}
		var page struct {
			Links struct {
				Next struct {
					Href string `json:"href"`
				} `json:"next"`
			} `json:"_links"`
			Embedded map[string][]json.RawMessage `json:"_embedded"`
		}
		if json.Unmarshal(got.body, &page) != nil || page.Embedded[from.name] == nil {
			return nil, malformed(r.op, got)
		}
		for _, raw := range page.Embedded[from.name] {
			v, ok := decode(raw)
			if !ok {
				return nil, malformed(r.op, got)
			}
			all = append(all, v)
		}
		if len(all) > from.limit {
			break
		}
		link := page.Links.Next.Href
		if link == "" {
			return all, nil
		}
		query, ok := c.nextPage(link)
		if !ok {
			return nil, malformed(r.op, got)
		}
		path = whole + "?" + query
	}
	return nil, &Error{Op: from.op, Status: http.StatusOK, problem: fmt.Sprintf("there are more than %d, or more than %d pages", from.limit, pageLimit)}
}

// nextPage returns the query of the page that a link leads to. It takes nothing else from
// the link, or a reply could decide where the admin's token goes; and a link that leads
// away from the API does not come from PingOne.
func (c *Client) nextPage(link string) (query string, ok bool) {
	next, err := url.Parse(link)
	if err != nil {
		return "", false
	}
	api, err := url.Parse(c.Admin.Environment.API)
	if err != nil {
		return "", false
	}
	return next.RawQuery, next.Scheme == api.Scheme && next.Host == api.Host && next.RawQuery != ""
}

# The operator's command as an image that contains only the program and the certificates of
# public authorities:
#
#	docker build -t pingrotate --build-arg VERSION="$(git describe --tags --always)" .
#	docker run --rm -e AWS_REGION -e AWS_ACCESS_KEY_ID -e AWS_SECRET_ACCESS_KEY -e AWS_SESSION_TOKEN pingrotate status

# An image with Go, in the release that go.mod asks for or a later one.
ARG GO_IMAGE=golang:1.26

FROM ${GO_IMAGE} AS build
WORKDIR /src
COPY . .
ARG VERSION
RUN CGO_ENABLED=0 go build -trimpath -buildvcs=false -tags=lambda.norpc -ldflags="-X main.stamp=${VERSION}" -o /pingrotate ./cmd/pingrotate

FROM scratch
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=build /pingrotate /pingrotate
USER 65532:65532
ENTRYPOINT ["/pingrotate"]

# orgsync, orgsync-worker and orgsync-server as static programs in an image that holds nothing else but the
# certificates which they check Temporal and the providers against. Build: docker build -t orgsync .
FROM golang:1.26 AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
RUN CGO_ENABLED=0 go build -trimpath -ldflags="-s -w" -o /out/orgsync ./starter
RUN CGO_ENABLED=0 go build -trimpath -ldflags="-s -w" -o /out/orgsync-worker ./worker
RUN CGO_ENABLED=0 go build -trimpath -ldflags="-s -w" -o /out/orgsync-server ./server

FROM scratch
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=build /out/orgsync /out/orgsync-worker /out/orgsync-server /usr/bin/
# A number, so that Kubernetes can tell that it is not root.
USER 65532:65532
ENV PATH=/usr/bin HOME=/
CMD ["orgsync-worker"]

package main

import (
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"strconv"
	"time"
)

// patience bounds what should take milliseconds.
const patience = 10 * time.Second

// client is one connection.
type client struct {
	net.Conn
	buffer []byte
}

// dial connects; cache may be nil.
func dial(address string, options *tlsOptions, cache tls.ClientSessionCache) (*client, error) {
	connection, err := net.DialTimeout("tcp", address, patience)
	if err != nil {
		return nil, err
	}
	if options != nil {
		secure := tls.Client(connection, &tls.Config{
			ServerName: options.ServerName,
			// The benchmark makes the certificate itself; to check its chain would only take time from the proxy.
			InsecureSkipVerify: true,
			MinVersion:         versions[options.Version],
			MaxVersion:         versions[options.Version],
			// X25519 is what is agreed on. With TLS 1.2 an ECDSA certificate may be shown only to who names its curve.
			CurvePreferences:   []tls.CurveID{tls.X25519, tls.CurveP256},
			ClientSessionCache: cache,
		})
		if err := secure.SetDeadline(time.Now().Add(patience)); err != nil {
			return nil, err
		}
		if err := secure.Handshake(); err != nil {
			connection.Close()
			return nil, err
		}
		connection = secure
	}
	// Once for the whole life of the connection: to set it for each request would cost as much as the request.
	if err := connection.SetDeadline(time.Now().Add(time.Minute)); err != nil {
		return nil, err
	}
	return &client{Conn: connection, buffer: make([]byte, 16*1024)}, nil
}

var versions = map[string]uint16{"1.2": tls.VersionTLS12, "1.3": tls.VersionTLS13}

func (c *client) resumed() bool {
	secure, ok := c.Conn.(*tls.Conn)
	return ok && secure.ConnectionState().DidResume
}

// ask sends a request and reads the answer to its end. It returns the status.
func (c *client) ask(request []byte) (string, error) {
	if _, err := c.Write(request); err != nil {
		return "", err
	}
	return c.read()
}

var (
	ok            = "200"
	contentLength = []byte("\r\ncontent-length: ")
)

// read reads one answer, which Envoy writes with header names in lower case.
func (c *client) read() (string, error) {
	filled, head := 0, -1
	for head < 0 {
		count, err := c.Read(c.buffer[filled:])
		if err != nil {
			return "", err
		}
		filled += count
		head = bytes.Index(c.buffer[:filled], endOfHead)
		if head < 0 && filled == len(c.buffer) {
			return "", errors.New("the head of an answer is too long")
		}
	}
	if head < 12 {
		return "", errors.New("an answer is not HTTP/1.1")
	}
	status := ok
	if string(c.buffer[9:12]) != ok {
		status = string(c.buffer[9:12])
	}
	start := bytes.Index(c.buffer[:head+2], contentLength)
	if start < 0 {
		return "", fmt.Errorf("an answer with status %s has no content-length", status)
	}
	start += len(contentLength)
	end := start + bytes.IndexByte(c.buffer[start:], '\r')
	length, err := strconv.Atoi(string(c.buffer[start:end]))
	if err != nil {
		return "", err
	}
	for left := head + len(endOfHead) + length - filled; left > 0; {
		count, err := c.Read(c.buffer[:min(left, len(c.buffer))])
		if err != nil {
			return "", err
		}
		left -= count
	}
	return status, nil
}

package main

import (
	"bytes"
	"net"
	"strings"
)

var (
	endOfHead = []byte("\r\n\r\n")
	answer    = []byte("HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 128\r\n\r\n" + strings.Repeat("x", 128))
)

// serve answers every request without a body with 200.
func serve(listener net.Listener) {
	for {
		connection, err := listener.Accept()
		if err != nil {
			return
		}
		go serveConnection(connection)
	}
}

func serveConnection(connection net.Conn) {
	defer connection.Close()
	buffer := make([]byte, 16*1024)
	filled := 0
	for {
		count, err := connection.Read(buffer[filled:])
		if err != nil {
			return
		}
		filled += count
		for {
			end := bytes.Index(buffer[:filled], endOfHead)
			if end < 0 {
				break
			}
			filled = copy(buffer, buffer[end+len(endOfHead):filled])
			if _, err := connection.Write(answer); err != nil {
				return
			}
		}
	}
}

package redisstore

import (
	"strings"
)

// slots is how many parts the keys of a Redis Cluster are in.
const slots = 16384

// crcTable is that of CRC16/XMODEM, which Redis Cluster hashes keys with.
var crcTable = func() (table [256]uint16) {
	for i := range table {
		crc := uint16(i) << 8
		for range 8 {
			carry := crc&0x8000 != 0
			if crc <<= 1; carry {
				crc ^= 0x1021
			}
		}
		table[i] = crc
	}
	return table
}()

// slotOf is the slot of a text without braces that comes in parts.
func slotOf(parts ...string) int {
	var crc uint16
	for _, part := range parts {
		for i := range len(part) {
			crc = crc<<8 ^ crcTable[byte(crc>>8)^part[i]]
		}
	}
	return int(crc % slots)
}

// keySlot is the slot of a key: that of what stands between its first brace and the next closing one, if that is anything.
func keySlot(key string) int {
	if _, after, found := strings.Cut(key, "{"); found {
		if tag, _, closed := strings.Cut(after, "}"); closed && tag != "" {
			key = tag
		}
	}
	return slotOf(key)
}

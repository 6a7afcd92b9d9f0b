// A .mlw file: a ZIP of stored members, one after the other from byte 0 (docs/file-format.md). Each member is held to
// the CRC in its header, which finds damage; to know who made a file, compare its SHA-256 with what its maker told you.

#pragma once

#include <cstdint>
#include <fstream>
#include <map>
#include <sstream>
#include <stdexcept>
#include <string>

using Members = std::map<std::string, std::string>;

inline uint32_t little(const std::string& data, size_t at, int bytes) {
    if (at + bytes > data.size()) throw std::runtime_error("the file ends too early");
    uint32_t value = 0;
    for (int i = bytes - 1; i >= 0; --i) value = value << 8 | static_cast<unsigned char>(data[at + i]);
    return value;
}

inline uint32_t crc32_of(const std::string& data) {
    uint32_t crc = 0xffffffffu;
    for (unsigned char byte : data) {
        crc ^= byte;
        for (int bit = 0; bit < 8; ++bit) crc = crc >> 1 ^ (crc & 1 ? 0xedb88320u : 0);
    }
    return ~crc;
}

inline Members members_of(const std::string& path) {
    std::ifstream stream(path, std::ios::binary);
    if (!stream) throw std::runtime_error(path + " cannot be read");
    std::ostringstream whole;
    whole << stream.rdbuf();
    const std::string file = whole.str();
    Members members;
    size_t at = 0;
    while (at + 4 <= file.size() && little(file, at, 4) == 0x04034b50) {
        const uint32_t method = little(file, at + 8, 2), crc = little(file, at + 14, 4);
        const uint32_t size = little(file, at + 18, 4), name_size = little(file, at + 26, 2);
        const size_t start = at + 30 + name_size;
        if (method != 0 || start > file.size() || size > file.size() - start)
            throw std::runtime_error("a member is compressed, or the file ends too early");
        const std::string name = file.substr(at + 30, name_size);
        const std::string& data = members[name] = file.substr(start, size);
        if (crc32_of(data) != crc) throw std::runtime_error("the bytes of " + name + " differ from their CRC");
        at = start + size;
    }
    for (const char* needed : {"schema.json", "model.onnx"})
        if (!members.count(needed)) throw std::runtime_error(path + " is no model file: it has no " + needed);
    return members;
}

// JSON as values: as much as schemas and rows need. A library of your own does as well.

#pragma once

#include <cmath>
#include <cstdlib>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

class Json {
public:
    enum class Kind { null, boolean, number, text, list, object };

    static Json parse(const std::string& text) {
        Reader reader{text};
        Json value = reader.value(0);
        if (!reader.ended()) throw std::runtime_error("there is more than one JSON value");
        return value;
    }

    static const Json& null() {
        static const Json nothing;
        return nothing;
    }

    static std::string quoted(const std::string& text) {
        std::string out = "\"";
        for (unsigned char c : text) {
            static const char* hex = "0123456789abcdef";
            if (c == '"' || c == '\\') (out += '\\') += static_cast<char>(c);
            else if (c < 0x20) ((out += "\\u00") += hex[c >> 4]) += hex[c & 15];
            else out += static_cast<char>(c);
        }
        return out + '"';
    }

    Kind kind() const { return kind_; }
    bool truth() const { return number_ != 0; }
    double number() const { return number_; }
    /** A number as it was written. */
    const std::string& text() const { return text_; }
    const std::vector<Json>& items() const { return items_; }

    /** The last field of that name, as JSON is usually read; null where there is none. */
    const Json* find(const std::string& name) const {
        if (kind_ != Kind::object) throw std::runtime_error("a row is not an object");
        for (size_t i = names_.size(); i-- > 0;)
            if (names_[i] == name) return &items_[i];
        return nullptr;
    }

    const Json& at(const std::string& name) const {
        const Json* found = find(name);
        if (!found) throw std::runtime_error("the file has no " + name);
        return *found;
    }

private:
    struct Reader {
        const std::string& in;
        size_t at = 0;

        [[noreturn]] void fail() const { throw std::runtime_error("no JSON at byte " + std::to_string(at)); }

        void blanks() {
            while (at < in.size() && (in[at] == ' ' || in[at] == '\t' || in[at] == '\n' || in[at] == '\r')) ++at;
        }

        bool ended() {
            blanks();
            return at == in.size();
        }

        bool took(char c) {
            blanks();
            if (at >= in.size() || in[at] != c) return false;
            ++at;
            return true;
        }

        Json value(int depth) {
            if (depth > 16) fail();
            blanks();
            Json made;
            if (took('{')) {
                made.kind_ = Kind::object;
                if (took('}')) return made;
                do {
                    blanks();
                    made.names_.push_back(string());
                    if (!took(':')) fail();
                    made.items_.push_back(value(depth + 1));
                } while (took(','));
                if (!took('}')) fail();
            } else if (took('[')) {
                made.kind_ = Kind::list;
                if (took(']')) return made;
                do made.items_.push_back(value(depth + 1));
                while (took(','));
                if (!took(']')) fail();
            } else if (at < in.size() && in[at] == '"') {
                made.kind_ = Kind::text;
                made.text_ = string();
            } else if (word("null")) {
                made.kind_ = Kind::null;
            } else if (word("true") || word("false")) {
                made.kind_ = Kind::boolean;
                made.number_ = in[at - 2] == 'u';  // tr-u-e
            } else {
                number(made);
            }
            return made;
        }

        bool word(const char* expected) {
            const std::string text = expected;
            if (in.compare(at, text.size(), text) != 0) return false;
            at += text.size();
            return true;
        }

        void number(Json& made) {
            const size_t start = at;
            while (at < in.size() && (std::isdigit(static_cast<unsigned char>(in[at])) || std::string("+-.eE").find(in[at]) != std::string::npos)) ++at;
            made.text_ = in.substr(start, at - start);
            char* end = nullptr;
            made.number_ = std::strtod(made.text_.c_str(), &end);
            if (made.text_.empty() || *end || !std::isfinite(made.number_)) fail();
            made.kind_ = Kind::number;
        }

        unsigned hex4() {
            unsigned code = 0;
            for (int i = 0; i < 4; ++i, ++at) {
                if (at >= in.size() || !std::isxdigit(static_cast<unsigned char>(in[at]))) fail();
                code = code * 16 + static_cast<unsigned>(std::stoi(in.substr(at, 1), nullptr, 16));
            }
            return code;
        }

        std::string string() {
            if (at >= in.size() || in[at] != '"') fail();
            std::string out;
            for (++at; at < in.size() && in[at] != '"';) {
                if (in[at] != '\\') {
                    out += in[at++];
                    continue;
                }
                if (++at >= in.size()) fail();
                const char c = in[at++];
                static const std::string from = "\"\\/bfnrt", to = "\"\\/\b\f\n\r\t";
                if (c == 'u') {
                    unsigned code = hex4();
                    if (code >= 0xd800 && code < 0xdc00) {
                        if (!word("\\u")) fail();
                        const unsigned low = hex4();
                        if (low < 0xdc00 || low > 0xdfff) fail();
                        code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
                    } else if (code >= 0xdc00 && code < 0xe000) {
                        fail();  // half a character
                    }
                    utf8(out, code);
                } else if (from.find(c) != std::string::npos) {
                    out += to[from.find(c)];
                } else {
                    fail();
                }
            }
            if (at++ >= in.size()) fail();
            return out;
        }

        static void utf8(std::string& out, unsigned code) {
            if (code < 0x80) {
                out += static_cast<char>(code);
                return;
            }
            const int more = code < 0x800 ? 1 : code < 0x10000 ? 2 : 3;
            out += static_cast<char>((0xff00 >> (more + 1) & 0xff) | code >> 6 * more);
            for (int i = more - 1; i >= 0; --i) out += static_cast<char>(0x80 | (code >> 6 * i & 0x3f));
        }
    };

    Kind kind_ = Kind::null;
    double number_ = 0;
    std::string text_;
    std::vector<std::string> names_;
    std::vector<Json> items_;
};

// One value of a row as the graph is given it (docs/decoding.md): a double, NaN where it is missing, or a text, "" then.

#pragma once

#include "json.hpp"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <limits>

struct Column {
    std::string name, kind;
    bool optional = false, codes = false;
    std::vector<std::string> missing, truths, falsehoods;

    bool is_number() const { return kind == "numeric" || kind == "boolean" || kind == "datetime"; }

    double number_of(const Json& value) const {
        const std::string text = trimmed(value);
        if (is_missing(value, text)) return std::numeric_limits<double>::quiet_NaN();
        if (kind == "boolean") return truth_of(value, text);
        if (kind == "datetime" && value.kind() == Json::Kind::text) return seconds_of(text);
        if (kind == "numeric" && value.kind() == Json::Kind::number) return value.number();
        throw std::runtime_error("not " + kind);
    }

    std::string text_of(const Json& value) const {
        const std::string text = trimmed(value);
        if (is_missing(value, text)) return "";
        if (value.kind() == Json::Kind::text) return codes ? whole_of(text) : text;
        if (kind != "categorical") throw std::runtime_error("no text");
        if (value.kind() == Json::Kind::boolean) return value.truth() ? "true" : "false";
        if (value.kind() == Json::Kind::number) return category_of(value.number());
        throw std::runtime_error("no category");
    }

private:
    static std::string trimmed(const Json& value) {
        if (value.kind() != Json::Kind::text) return "";
        const std::string& text = value.text();
        const size_t first = text.find_first_not_of(" \t\n\r\f\v");
        return first == std::string::npos ? "" : text.substr(first, text.find_last_not_of(" \t\n\r\f\v") - first + 1);
    }

    /** Null, the empty text, or one of the column's own marks, which stand for numbers too: "-999" and -999. */
    bool is_missing(const Json& value, const std::string& text) const {
        if (value.kind() == Json::Kind::null) return true;
        if (value.kind() == Json::Kind::text) return text.empty() || holds(missing, text);
        if (value.kind() != Json::Kind::number) return false;
        return std::any_of(missing.begin(), missing.end(), [&](const std::string& marker) {
            char* end = nullptr;
            const double number = std::strtod(marker.c_str(), &end);
            return !marker.empty() && !*end && number == value.number();
        });
    }

    double truth_of(const Json& value, std::string text) const {
        if (value.kind() == Json::Kind::boolean) return value.truth();
        if (value.kind() == Json::Kind::number && (value.number() == 0 || value.number() == 1)) return value.number();
        std::transform(text.begin(), text.end(), text.begin(), [](unsigned char c) { return std::tolower(c); });
        if (text == "true" || holds(truths, text)) return 1;
        if (text == "false" || holds(falsehoods, text)) return 0;
        throw std::runtime_error("neither true nor false");
    }

    static bool holds(const std::vector<std::string>& texts, const std::string& text) {
        return std::find(texts.begin(), texts.end(), text) != texts.end();
    }

    /** Among codes "7.0" is "7". */
    static std::string whole_of(const std::string& text) {
        const size_t sign = text[0] == '-', dot = std::min(text.find('.'), text.size());
        const bool digits = dot > sign && text.find_first_not_of("0123456789", sign) >= dot && (text[sign] != '0' || dot == sign + 1);
        if (!digits || (dot < text.size() && text.find_first_not_of('0', dot + 1) != std::string::npos)) return text;
        const std::string whole = text.substr(0, dot);
        return whole == "-0" ? "0" : whole;
    }

    /** 7 and 7.0 are "7"; others have the fewest digits that read back as the same double. */
    static std::string category_of(double number) {
        char text[64];
        const bool is_whole = number == std::floor(number);
        if (std::fabs(number) >= 1e15 || (!is_whole && std::fabs(number) < 1e-4)) throw std::runtime_error("a category out of range");
        const auto end = is_whole ? std::to_chars(text, text + sizeof text, static_cast<long long>(number))
                                  : std::to_chars(text, text + sizeof text, number, std::chars_format::fixed);
        return std::string(text, end.ptr);
    }

    /** Seconds since 1970; a time without a zone is UTC. Counted in microseconds, which are whole, and divided once. */
    static double seconds_of(const std::string& text) {
        int year, month, day, hour = 0, minute = 0, used = 0;
        if (std::sscanf(text.c_str(), "%4d-%2d-%2d%n", &year, &month, &day, &used) != 3 || used != 10) throw std::runtime_error("no ISO 8601 date or time");
        long long micros = 0;
        std::string rest = text.substr(10);
        if (!rest.empty()) {
            if ((rest[0] != 'T' && rest[0] != ' ') || std::sscanf(rest.c_str() + 1, "%2d:%2d%n", &hour, &minute, &used) != 2 || used != 5)
                throw std::runtime_error("no ISO 8601 time");
            rest = rest.substr(6);
        }
        int second = 0;
        if (!rest.empty() && rest[0] == ':') {
            if (std::sscanf(rest.c_str() + 1, "%2d%n", &second, &used) != 1 || used != 2) throw std::runtime_error("no ISO 8601 time");
            rest = rest.substr(3);
            if (!rest.empty() && rest[0] == '.') {
                size_t digits = 1;
                for (; digits < rest.size() && std::isdigit(static_cast<unsigned char>(rest[digits])); ++digits)
                    if (digits <= 6) micros = micros * 10 + (rest[digits] - '0');
                for (size_t i = digits; i <= 6; ++i) micros *= 10;
                rest = rest.substr(digits);
            }
        }
        int offset = 0, hours = 0, minutes = 0;
        if (!rest.empty() && rest != "Z") {
            if ((rest[0] != '+' && rest[0] != '-') || std::sscanf(rest.c_str() + 1, "%2d:%2d%n", &hours, &minutes, &used) != 2 || used != 5 || rest.size() != 6)
                throw std::runtime_error("no ISO 8601 zone");
            offset = (hours * 60 + minutes) * (rest[0] == '-' ? -60 : 60);
        }
        static const int lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
        const bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
        if (month < 1 || month > 12 || day < 1 || day > lengths[month - 1] + (leap && month == 2) || hour > 23 || minute > 59 || second > 59)
            throw std::runtime_error("no date or time of the calendar");
        const long long whole = days_since_1970(year, month, day) * 86400LL + hour * 3600 + minute * 60 + second - offset;
        return static_cast<double>(whole * 1000000LL + micros) / 1e6;
    }

    /** Of the Gregorian calendar; years begin in March, so that a leap day is the last of its year. */
    static long long days_since_1970(int year, int month, int day) {
        const long long y = month <= 2 ? year - 1 : year, m = month <= 2 ? month + 9 : month - 3;
        return 365 * y + y / 4 - y / 100 + y / 400 + (153 * m + 2) / 5 + day - 1 - 719468;
    }
};

/** The columns that the graph is given, in the schema's order. */
inline std::vector<Column> columns_of(const Json& schema) {
    const auto texts = [](const Json* list) {
        std::vector<std::string> out;
        if (list) for (const Json& item : list->items()) out.push_back(item.text());
        return out;
    };
    const auto says = [](const Json& told, const char* name) {
        const Json* found = told.find(name);
        return found && found->truth();
    };
    std::vector<Column> columns;
    for (const Json& told : schema.at("columns").items()) {
        const Json* role = told.find("role");
        const std::string what = role ? role->text() : "feature";
        Column column;
        column.name = told.at("name").text();
        column.kind = told.at("kind").text();
        if ((what != "feature" && what != "time" && what != "exposure") || column.kind == "id" || says(told, "unused")) continue;
        column.optional = says(told, "optional");
        column.codes = says(told, "codes");
        column.missing = texts(told.find("missing"));
        column.truths = texts(told.find("true"));
        column.falsehoods = texts(told.find("false"));
        columns.push_back(column);
    }
    return columns;
}

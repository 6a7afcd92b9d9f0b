// Answers rows with a model file, without Python and without headers of ONNX Runtime: raw values in, labels and
// probabilities (or numbers) out.
//
//     g++ -std=c++17 -O2 predict.cpp -ldl -o predict
//     ./predict libonnxruntime.so model.mlw < rows.jsonl       one JSON object a row; one a row comes back
//
// The library is any ONNX Runtime from 1.31.1 on: Python's package holds one, onnxruntime/capi/libonnxruntime.so.*.
// Of values it understands what docs/decoding.md says of typed ones, but for three things that it refuses or leaves
// as they are: texts are not brought to NFC, categories that are no whole numbers are those from 1e-4 to 1e16, and
// times are ISO 8601. Exit code 0: all were answered. 3: the file, the library or a row is not usable.

#include "file.hpp"
#include "json.hpp"
#include "runtime.hpp"
#include "values.hpp"

#include <cstdio>
#include <iostream>

namespace {

std::string written(double number) {
    char text[32];
    std::snprintf(text, sizeof text, "%.17g", number);
    return text;
}

struct Inputs {
    std::vector<double> numbers;
    std::vector<std::string> strings;
    size_t rows = 0;
};

Inputs inputs_of(std::istream& lines, const std::vector<Column>& columns) {
    Inputs inputs;
    for (std::string line; std::getline(lines, line);) {
        if (line.find_first_not_of(" \t\r") == std::string::npos) continue;
        const Json row = Json::parse(line);
        for (const Column& column : columns) {
            try {
                const Json* value = row.find(column.name);
                if (!value && !column.optional) throw std::runtime_error("absent");
                const Json& sent = value ? *value : Json::null();
                if (column.is_number()) inputs.numbers.push_back(column.number_of(sent));
                else inputs.strings.push_back(column.text_of(sent));
            } catch (const std::exception& error) {
                throw std::runtime_error("row " + std::to_string(inputs.rows) + ", '" + column.name + "': " + error.what());
            }
        }
        ++inputs.rows;
    }
    if (!inputs.rows) throw std::runtime_error("there is no row");
    return inputs;
}

void write_answers(const Outputs& outputs, const Json& target, size_t rows) {
    if (!outputs.prediction.empty()) {
        for (double prediction : outputs.prediction) std::cout << "{\"prediction\":" << written(prediction) << "}\n";
        return;
    }
    const std::vector<Json>& classes = target.at("classes").items();
    const Json* type = target.find("label_type");
    const bool is_text = !type || type->text() == "text";
    if (outputs.probability.size() != rows * classes.size() || outputs.label.size() != rows)
        throw std::runtime_error("the graph gave no label and probabilities for each row");
    for (size_t i = 0; i < rows; ++i) {
        const std::string& label = outputs.label[i];
        std::cout << "{\"label\":" << (is_text ? Json::quoted(label) : label) << ",\"probability\":{";
        for (size_t k = 0; k < classes.size(); ++k)
            std::cout << (k ? "," : "") << Json::quoted(classes[k].text()) << ':' << written(outputs.probability[i * classes.size() + k]);
        std::cout << "}}\n";
    }
}

}  // namespace

int main(int count, char** arguments) {
    if (count != 3) {
        std::cerr << "usage: predict LIBONNXRUNTIME MODEL < ROWS\n";
        return 2;
    }
    try {
        const Members members = members_of(arguments[2]);
        const Json schema = Json::parse(members.at("schema.json"));
        const std::vector<Column> columns = columns_of(schema);
        const Inputs inputs = inputs_of(std::cin, columns);
        Runtime runtime(arguments[1]);
        const Outputs outputs = runtime.run(members.at("model.onnx"), inputs.numbers, inputs.strings, inputs.rows);
        write_answers(outputs, schema.at("target"), inputs.rows);
    } catch (const std::exception& error) {
        std::cerr << "error: " << error.what() << '\n';
        return 3;
    }
    return 0;
}

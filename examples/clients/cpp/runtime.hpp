// ONNX Runtime by its C interface, without its header: the interface is a table of functions whose places never
// change, so that naming the few places that are needed is enough. The table is asked for in a version that every
// release since has.

#pragma once

#include <cstddef>
#include <cstdint>
#include <dlfcn.h>
#include <stdexcept>
#include <string>
#include <vector>

struct Outputs {
    std::vector<double> probability, prediction;
    std::vector<std::string> label;
};

class Runtime {
public:
    explicit Runtime(const std::string& library) {
        void* handle = dlopen(library.c_str(), RTLD_NOW | RTLD_LOCAL);
        if (!handle) throw std::runtime_error(dlerror());
        const auto base = reinterpret_cast<const Base* (*)()>(dlsym(handle, "OrtGetApiBase"));
        if (!base) throw std::runtime_error(library + " is no ONNX Runtime");
        slots_ = base()->api(kVersion);
        if (!slots_) throw std::runtime_error("this ONNX Runtime is too old: " + std::string(base()->version()));
        check(call<int, const char*, void**>(create_env, 3 /* errors only */, "mlwright", &env_));
        check(call<int, int, void**>(create_cpu_memory_info, 0 /* device */, 0 /* default */, &memory_));
        check(call<void**>(default_allocator, &allocator_));  // which is the library's own
    }

    ~Runtime() {
        release(release_memory_info, memory_);
        release(release_env, env_);
    }

    Runtime(const Runtime&) = delete;
    Runtime& operator=(const Runtime&) = delete;

    /** Runs the graph on the columns of rows, row by row; an input without columns is left out. */
    Outputs run(const std::string& graph, std::vector<double> numbers, const std::vector<std::string>& strings, size_t rows) {
        Held options(*this, release_session_options), session(*this, release_session);
        check(call<void**>(create_session_options, &options.it));
        check(call<void*, const void*, size_t, const void*, void**>(create_session_from_array, env_, graph.data(), graph.size(), options.it, &session.it));
        Held first(*this, release_value), second(*this, release_value);
        std::vector<const char*> names;
        std::vector<const void*> values;
        if (!numbers.empty()) {
            const int64_t shape[] = {static_cast<int64_t>(rows), static_cast<int64_t>(numbers.size() / rows)};
            check(call<const void*, void*, size_t, const int64_t*, size_t, int, void**>(
                create_tensor_with_data, memory_, numbers.data(), numbers.size() * sizeof(double), shape, 2, kDouble, &first.it));
            names.push_back("numbers");
            values.push_back(first.it);
        }
        if (!strings.empty()) {
            const int64_t shape[] = {static_cast<int64_t>(rows), static_cast<int64_t>(strings.size() / rows)};
            check(call<void*, const int64_t*, size_t, int, void**>(create_tensor, allocator_, shape, 2, kString, &second.it));
            std::vector<const char*> texts;
            for (const std::string& text : strings) texts.push_back(text.c_str());
            check(call<void*, const char* const*, size_t>(fill_string_tensor, second.it, texts.data(), texts.size()));
            names.push_back("strings");
            values.push_back(second.it);
        }
        const std::vector<std::string> known = output_names(session.it);
        std::vector<const char*> wanted;
        for (const char* name : {"probability", "label", "prediction"})
            for (const std::string& there : known)
                if (there == name) wanted.push_back(name);
        std::vector<void*> answers(wanted.size(), nullptr);
        check(call<void*, const void*, const char* const*, const void* const*, size_t, const char* const*, size_t, void**>(
            run_session, session.it, nullptr, names.data(), values.data(), values.size(), wanted.data(), wanted.size(), answers.data()));
        Outputs outputs;
        for (size_t i = 0; i < wanted.size(); ++i) {
            Held answer(*this, release_value);
            answer.it = answers[i];
            const std::string name = wanted[i];
            if (name == "label") outputs.label = labels_of(answer.it);
            else (name == "prediction" ? outputs.prediction : outputs.probability) = doubles_of(answer.it);
        }
        return outputs;
    }

private:
    /** Places in the table of functions. */
    enum Slot : size_t {
        error_message = 2, create_env = 3, create_session_from_array = 8, run_session = 9, create_session_options = 10,
        session_output_count = 31, session_output_name = 37, create_tensor = 48, create_tensor_with_data = 49,
        tensor_data = 51, fill_string_tensor = 52, string_data_length = 53, string_content = 54, element_type = 60,
        element_count = 64, tensor_info = 65, create_cpu_memory_info = 69, allocator_free = 76, default_allocator = 78,
        release_env = 92, release_status = 93, release_memory_info = 94, release_session = 95, release_value = 96,
        release_tensor_info = 99, release_session_options = 100,
    };
    static constexpr uint32_t kVersion = 16;
    static constexpr int kInt64 = 7, kString = 8, kBool = 9, kDouble = 11;

    struct Base {
        const void* const* (*api)(uint32_t version);
        const char* (*version)();
    };

    /** Something of the library that is given back at the end. */
    struct Held {
        Held(Runtime& runtime, Slot slot) : of(runtime), how(slot) {}
        Held(const Held&) = delete;
        Held& operator=(const Held&) = delete;
        ~Held() { of.release(how, it); }
        Runtime& of;
        Slot how;
        void* it = nullptr;
    };

    template <typename... Arguments>
    void* call(Slot slot, Arguments... arguments) const {
        return reinterpret_cast<void* (*)(Arguments...)>(const_cast<void*>(slots_[slot]))(arguments...);
    }

    void release(Slot slot, void* it) const {
        if (it) reinterpret_cast<void (*)(void*)>(const_cast<void*>(slots_[slot]))(it);
    }

    /** Throws what a status says; null is a success. */
    void check(void* status) const {
        if (!status) return;
        const std::string said = reinterpret_cast<const char* (*)(const void*)>(const_cast<void*>(slots_[error_message]))(status);
        release(release_status, status);
        throw std::runtime_error(said);
    }

    std::vector<std::string> output_names(void* session) {
        size_t count = 0;
        check(call<const void*, size_t*>(session_output_count, session, &count));
        std::vector<std::string> names;
        for (size_t i = 0; i < count; ++i) {
            char* name = nullptr;
            check(call<const void*, size_t, void*, char**>(session_output_name, session, i, allocator_, &name));
            names.emplace_back(name);
            check(call<void*, void*>(allocator_free, allocator_, name));
        }
        return names;
    }

    int type_of(void* value, size_t& count) {
        Held info(*this, release_tensor_info);
        int type = 0;
        check(call<const void*, void**>(tensor_info, value, &info.it));
        check(call<const void*, int*>(element_type, info.it, &type));
        check(call<const void*, size_t*>(element_count, info.it, &count));
        return type;
    }

    std::vector<double> doubles_of(void* value) {
        size_t count = 0;
        if (type_of(value, count) != kDouble) throw std::runtime_error("an output is not of doubles");
        void* data = nullptr;
        check(call<void*, void**>(tensor_data, value, &data));
        const double* numbers = static_cast<const double*>(data);
        return {numbers, numbers + count};
    }

    /** Labels as JSON has them, but for the quotes of texts. */
    std::vector<std::string> labels_of(void* value) {
        size_t count = 0;
        const int type = type_of(value, count);
        std::vector<std::string> labels;
        if (type == kString) {
            size_t length = 0;
            check(call<const void*, size_t*>(string_data_length, value, &length));
            std::string all(length, '\0');
            std::vector<size_t> starts(count);
            check(call<const void*, void*, size_t, size_t*, size_t>(string_content, value, &all[0], length, starts.data(), count));
            for (size_t i = 0; i < count; ++i)
                labels.push_back(all.substr(starts[i], (i + 1 < count ? starts[i + 1] : length) - starts[i]));
            return labels;
        }
        void* data = nullptr;
        check(call<void*, void**>(tensor_data, value, &data));
        for (size_t i = 0; i < count; ++i) {
            if (type == kInt64) labels.push_back(std::to_string(static_cast<const int64_t*>(data)[i]));
            else if (type == kBool) labels.push_back(static_cast<const bool*>(data)[i] ? "true" : "false");
            else throw std::runtime_error("labels of an unknown type");
        }
        return labels;
    }

    const void* const* slots_ = nullptr;
    void *env_ = nullptr, *memory_ = nullptr, *allocator_ = nullptr;
};

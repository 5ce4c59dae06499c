#pragma once
#include <string>
#include <utility>
#include <vector>

#include "core/bytes.h"

namespace parley {

/** A tree of named values on its way to JavaScript: events and counters. Keys are string literals. */
struct Record {
  struct Value {
    enum class Kind { kNumber, kBool, kText, kBytes, kNumbers, kRecord, kRecords };
    Kind kind;
    double number = 0;
    std::string text;
    Bytes bytes;
    std::vector<double> numbers;
    std::vector<Record> records;
  };
  std::vector<std::pair<const char*, Value>> fields;

  Record& Number(const char* key, double v) {
    Add(key, Value::Kind::kNumber).number = v;
    return *this;
  }
  Record& Bool(const char* key, bool v) {
    Add(key, Value::Kind::kBool).number = v ? 1 : 0;
    return *this;
  }
  Record& Text(const char* key, std::string v) {
    Add(key, Value::Kind::kText).text = std::move(v);
    return *this;
  }
  Record& Data(const char* key, View v) {
    Add(key, Value::Kind::kBytes).bytes.assign(v.data, v.data + v.size);
    return *this;
  }
  Record& Data(const char* key, Bytes v) {
    Add(key, Value::Kind::kBytes).bytes = std::move(v);
    return *this;
  }
  Record& Numbers(const char* key, std::vector<double> v) {
    Add(key, Value::Kind::kNumbers).numbers = std::move(v);
    return *this;
  }
  Record& List(const char* key, std::vector<Record> v) {
    Add(key, Value::Kind::kRecords).records = std::move(v);
    return *this;
  }
  Record& Child(const char* key, Record v) {
    Add(key, Value::Kind::kRecord).records.push_back(std::move(v));
    return *this;
  }

 private:
  Value& Add(const char* key, Value::Kind kind) {
    fields.emplace_back(key, Value{kind, 0, {}, {}, {}, {}});
    return fields.back().second;
  }
};

}  // namespace parley

// Package statestest plays as much of AWS Step Functions as the state machines of this
// project and the operator's command need: Standard workflows in the Amazon States
// Language with JSONPath, a Distributed Map, tasks that invoke a function or publish a
// message, and the calls that start, follow and stop executions.
//
// What it does not know it refuses when a machine is added, and does not guess. What it
// believes beyond the specification (https://states-language.net/spec.html) and the API
// reference:
//
//   - A Distributed Map that passes its tolerated failures begins no other item, and lets
//     those under way end. The developer guide does not say whether the service ends them.
//   - An execution that is stopped ends at once. What it has invoked continues.
//
// The same state machines run on moto's interpreter, in package statemachine.
package statestest

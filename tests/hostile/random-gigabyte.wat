;; Asks for a gigabyte of randomness at once, again and again.
(module
  (import "wasi_snapshot_preview1" "random_get" (func $random (param i32 i32) (result i32)))
  (memory (export "memory") PAGES)
  (func (export "_start")
    (loop $again
      (drop (call $random (i32.const 0) (i32.const 1073741824)))
      (br $again))))

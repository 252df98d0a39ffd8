;; Takes table after table, and goes on if it is told no.
(module
  (memory (export "memory") 1)
  (table $one 1 funcref)
  (table $two 1 funcref)
  (func (export "_start")
    (loop $more
      (drop (table.grow $one (ref.null func) (i32.const 1000)))
      (drop (table.grow $two (ref.null func) (i32.const 1000)))
      (br $more))))

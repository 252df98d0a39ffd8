;; Never ends, and before anything is called: while it is instantiated.
(module
  (memory (export "memory") 1)
  (func $spin (loop $for_ever (br $for_ever)))
  (start $spin)
  (func (export "_start")))

package org.apache.hadoop.io.compress;

import com.github.luben.zstd.ZstdInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;

/** Hadoop's codec by its name, over zstd-jni: Hadoop's own needs its native library, which no registry has. */
public final class ZStandardCodec implements CompressionCodec {
    @Override
    public CompressionInputStream createInputStream(InputStream in) throws IOException {
        ZstdInputStream plain = new ZstdInputStream(in);
        return new CompressionInputStream(in) {
            @Override
            public int read() throws IOException {
                return plain.read();
            }

            @Override
            public int read(byte[] to, int at, int size) throws IOException {
                return plain.read(to, at, size);
            }

            @Override
            public void resetState() {
                throw new UnsupportedOperationException();
            }
        };
    }

    @Override
    public CompressionInputStream createInputStream(InputStream in, Decompressor unused) throws IOException {
        return createInputStream(in);
    }

    @Override
    public Class<? extends Decompressor> getDecompressorType() {
        return Unused.class;
    }

    @Override
    public Decompressor createDecompressor() {
        return new Unused();
    }

    /** parquet-mr asks for one and resets it. */
    static final class Unused implements Decompressor {
        @Override
        public void setInput(byte[] from, int at, int size) {}

        @Override
        public boolean needsInput() {
            return false;
        }

        @Override
        public void setDictionary(byte[] from, int at, int size) {}

        @Override
        public boolean needsDictionary() {
            return false;
        }

        @Override
        public boolean finished() {
            return true;
        }

        @Override
        public int decompress(byte[] to, int at, int size) {
            return 0;
        }

        @Override
        public int getRemaining() {
            return 0;
        }

        @Override
        public void reset() {}

        @Override
        public void end() {}
    }

    @Override
    public CompressionOutputStream createOutputStream(OutputStream out) {
        throw new UnsupportedOperationException();
    }

    @Override
    public CompressionOutputStream createOutputStream(OutputStream out, Compressor unused) {
        throw new UnsupportedOperationException();
    }

    @Override
    public Class<? extends Compressor> getCompressorType() {
        return null;
    }

    @Override
    public Compressor createCompressor() {
        return null;
    }

    @Override
    public String getDefaultExtension() {
        return ".zst";
    }
}
